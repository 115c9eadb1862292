"""The core of rayjobs: what a batch is, and how it is carried out.

The way of a batch, from request to file. A room may import the rooms below it; import-linter holds the order:

    entrypoints  the processes: each puts its parts together and runs
    service      submit a batch, steer it, query it, preview a pipeline, estimate a cost
    dispatcher   claim chunks, start them on slots, settle them
    lifecycle    take lost leases back, restore batches from the record, purge, pause
    worker       register a worker by heartbeats; run a chunk
    engine       one item: read, decode, render, encode, write; in a process of its own
    sandbox      what that process gives up before it touches a picture
    request      what a client asks for: sources, pipeline, variants, names
    codec        bytes <-> pixels
    filters      the catalogue of filters
    record       the durable record of batches in the store
    adapters     Redis, the store on files, Ray; and their twins in memory
    ports        what the core needs of the outside
    model        batch, item, range, lease, worker: plain values

The ground: `errors` (one tree), `settings`, `places` (where things lie on the disk), `plain_file` (opens
regular files only, and reads no more than a limit), `log`.

The terms: a *batch* is a sealed list of *items*, one image each; a *range* is a run of items that wait; a
*chunk* is a range that was claimed, under a *lease* with a fencing *token*; a *slot* runs one chunk at a time
as a Ray task; a *worker* is a Ray node with its slots; an *outcome* is how an item ended.
"""
