"""The subcommands of ``nasplus``, a file each: a function whose arguments are its options, or ``run(arguments)``."""
