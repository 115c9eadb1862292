"""The core of rayjobs: what a batch is, and how it is carried out.

From request to file, in a straight line:

    spec      what a client asks for                 chunk     what a slot does with a chunk
    intake    submit, steer, retry, purge            process   has an engine process carry it out
    expand    turn a source into sealed item pages   sandbox   what that process gives up
    dispatch  claim, start, settle, close            attempt   one try at one item: read, render, write
    reaper    take back leases that ran out          engine    one picture: decode, pipeline, encode
    history   read batches, items and results        codec     bytes <-> pixels
    agent     register a worker by heartbeats        filters   the catalogue
    board     what each slot has in hand

Beside it: `preview` and `estimate` (by `tryout`: an item that is really run), `presets`, `cache`; `recovery`
after a loss of Redis, by `account`; `drain` and `purge`.

Underneath: `batch` (the state machine), `lease` and `ranges` (the queue's words), `record` (the layout of
the durable record), `ports` (what the outside must offer) and `adapters` (Redis, the store, Ray).

Words, with one meaning each: a *batch* is a sealed list of *items*, one image each; a *range* is a run of
items that wait; a *chunk* is a range that was claimed, under a *lease* with a fencing *token*; a *slot* runs
one chunk at a time as a Ray task; a *worker* is a Ray node with its slots; an *outcome* is how an item ended.
"""
