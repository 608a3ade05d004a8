"""``python run_code.py CODE ARGUMENTS`` is ``python -c CODE ARGUMENTS``."""

import sys

sys.path[0] = ""
sys.argv[:2], code = ["-c"], sys.argv[1]
exec(compile(code, "<string>", "exec"))
