import sys
from pathlib import Path

# Saved runs name their classes by module, so the toy must be importable.
sys.path.insert(0, str(Path(__file__).parent))
