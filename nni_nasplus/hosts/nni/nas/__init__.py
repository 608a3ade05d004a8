"""NNI's NAS framework: any strategy in its ``NasExperiment``, and that with a resume that works."""
