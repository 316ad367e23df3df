"""The subcommands of `dragoman`, a module each: `register` declares options, `main` does it."""
