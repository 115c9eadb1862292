"""What a client asks for, checked before anything is stored.

spec       the request for a batch: its source, its work, its terms
pipeline   a list of filters, parsed and checked together
variants   the files that are made of each picture, and their outputs
naming     the name of an output
presets    pipelines with a name and versions
warnings   what may be said of a pipeline that runs, but costs or does more than its author may think
problems   what is wrong with a request, as pointers, limits and near matches
sources    lists the pictures of a source, and reads one
walk       lists a folder: every entry is an item, left out, or reported
admission  whether what a request names may be run
expand     turns a source into sealed pages of items

In: JSON of a request. Out: frozen forms, items; errors with pointers. Opens pictures, but decodes none.
"""
