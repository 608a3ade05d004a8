"""One page of HTML about a run, complete in itself: a file for each section, and its template in ``templates/``."""
