"""The program: `weightlift` on the command line and `python -m weightlift`."""

import os
import signal
import sys


def main() -> None:
    """Replaces this process by the program that the package contains, with the same arguments."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "weightlift")
    # Python ignores these signals, and the program would inherit that.
    for name in ("SIGPIPE", "SIGXFSZ"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execv(program, ["weightlift", *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"weightlift: error: {program}: {error.strerror}")


if __name__ == "__main__":
    main()
