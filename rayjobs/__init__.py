"""The core of rayjobs: what a batch is, and how it is carried out.

The packages, in their order: each may import those below it, and import-linter checks that.

    entrypoints  the processes: each puts its parts together and runs
    service      submit a batch, steer it, query it, preview a pipeline, estimate a cost
    dispatcher   claim chunks, start them on slots, settle their leases; detect lost workers
    lifecycle    take back the leases of lost workers, restore batches from the record, purge, pause
    worker       register a worker by heartbeats; run a chunk
    engine       one item: read, decode, render, encode, write; in a process of its own
    sandbox      what that process gives up before it touches a picture
    request      what a client asks for: sources, pipeline, variants, names
    codec        bytes <-> pixels
    filters      the catalogue of filters
    record       the durable record of batches in the store
    adapters     Redis, the store on files, Ray; and in-memory versions of the first two
    ports        what the core needs of the outside
    model        batch, item, range, lease, worker: plain values

Below all of them: `errors` (one tree), `settings`, `places` (where things lie on the disk), `log`, and
`plain_file` (opens regular files only, and reads no more than a limit).

The terms: a *batch* is a sealed list of *items*, one image each; a *range* is a run of items that wait; a
*chunk* is a range that was claimed, under a *lease* with a fencing *token*; a *slot* runs one chunk at a time
as a Ray task; a *worker* is a Ray node with its slots; an *outcome* is how an item ended.
To *settle* a lease is to end it and to count the outcomes of its items.
"""
