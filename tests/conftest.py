"""Lets every test import the helpers that lie beside this file."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
