"""Neural predictors: ensembles of small networks on paths or graphs. Torch is imported when one is fitted."""
