"""`python -m confrere` is the command line."""

import sys

from confrere.cli import main

sys.exit(main())
