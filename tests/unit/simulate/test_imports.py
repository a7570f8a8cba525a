"""The nation shares no parameter with what is judged on it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import medsupply.simulate

FOLDER = Path(medsupply.simulate.__file__).parent
ALLOWED = ("medsupply.simulate", "medsupply.areas", "medsupply.days", "medsupply.errors", "medsupply.tables.deliveries")


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            found.add(str(node.module))
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_the_package_imports_only_leaves_of_the_service() -> None:
    own = {name for path in FOLDER.glob("*.py") for name in imported(path) if name.startswith("medsupply")}
    assert own, "nothing was read"
    assert not {name for name in own if not name.startswith(ALLOWED)}


def test_running_it_loads_no_module_of_the_judged_rooms() -> None:
    code = (
        "import sys, medsupply.simulate, medsupply.simulate.families;"
        "print([m for m in sys.modules if m.startswith(('medsupply.forecast', 'medsupply.picture', 'medsupply.alerts',"
        " 'medsupply.rules', 'medsupply.warehouse', 'medsupply.flow'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_each_family_has_its_own_parameters() -> None:
    families = {f"family_{letter}" for letter in "abc"}
    for name in families:
        others = {f"medsupply.simulate.{other}" for other in families - {name}}
        assert not imported(FOLDER / f"{name}.py") & others
