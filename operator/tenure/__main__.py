"""`python -m tenure`, which is also what the image starts.

As process 1 of a container it is spared every signal that it has no handler for: a SIGTERM that came while the imports
below still go on would be lost, and the container killed half a minute later.
"""

import signal
import sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))

from tenure.cli import main  # noqa: E402

main(prog_name="tenure")
