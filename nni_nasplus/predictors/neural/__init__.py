"""Neural predictors: ensembles of small networks on paths or graphs. What needs torch is imported when one is fitted."""
