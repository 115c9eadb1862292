"""The commands that a user types, and what they are made of.

demo        from nothing to filtered pictures in one go; with --chaos by `chaos`, fed with `poison`
deploy      starts everything on this machine (`local`) or a cluster (`cluster`); `launch` is demo's too
stress      heavy work for a system that runs
purge       a new run of it
bench       speed against what a user would write instead (`benchmark`); `scale` a million items
gallery     every filter on every sample picture, on one page
check       every check and test that needs no cluster; `chromium` is its browser
lock        renews the locks

bootstrap   what each begins with: `environment`, made by `installer`, told of by `progress` and `setup_error`
arguments   what their command lines have in common; `words`, `outcome`: what they say, and how they end
connection  finds the system that is meant; `running` is that system, `client` speaks to it
trial       a run from purge to verdict: `load`, `follow`, `watch`, `verdict`, `report`
snapshot    a moment of a run; `columns` shows it, `scaling` tells the story of many
patience    waits, with a limit
"""
