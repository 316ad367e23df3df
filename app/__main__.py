"""`python -m app`: the same as `dragoman`, whose entry point this is."""

import signal
import sys


def main() -> int:
    """Run the command line; while it is being loaded, Ctrl-C ends the program without a word."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # not where Ctrl-C is ignored, as in the background
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from app import cli

    signal.signal(signal.SIGINT, handler)
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
