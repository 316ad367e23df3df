"""The direction of imports: models ← engine ← app, ui → engine.captions only, and no circles."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.patience import TIMEOUT_S

ROOT = Path(__file__).parents[1]
PACKAGES = ("models", "engine", "app", "ui")
ALLOWED = {
    "models": ("models",),
    "engine": ("engine", "models"),
    "app": ("app", "engine", "models", "ui"),
    "ui": ("ui", "engine.captions"),
}
TYPES_ONLY = "TYPE_CHECKING"
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imported(tree: ast.AST, *, for_types: bool = True) -> Iterator[str]:
    """Full names of what a module imports: `a.b` and `a.b.c` for `from a.b import c`.

    What it imports inside of functions counts, and what it imports for annotations alone only if
    `for_types`.
    """
    for node in nodes(tree, for_types=for_types):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def nodes(tree: ast.AST, *, for_types: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if for_types or not (isinstance(node, ast.If) and ast.unparse(node.test) == TYPES_ONLY):
            yield node
            yield from nodes(node, for_types=for_types)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph() -> dict[str, set[str]]:
    """Every module of ours, with those of ours that it imports when it runs."""
    names = {module_name(path) for path in FILES}
    graph = {}
    for path in FILES:
        found = set(imported(ast.parse(path.read_text(encoding="utf-8")), for_types=False))
        found |= {name.rpartition(".")[0] for name in found - names}
        graph[module_name(path)] = found & names
    return graph


def circle(graph: Mapping[str, set[str]]) -> str:
    """One circle of a graph, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return " <- ".join(error.args[1])
    return ""


def within(name: str, allowed: str) -> bool:
    return name == allowed or name.startswith(allowed + ".")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_imports_only_what_its_layer_may(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    for name in imported(ast.parse(path.read_text(encoding="utf-8"))):
        if name.partition(".")[0] in PACKAGES:
            assert any(within(name, allowed) for allowed in ALLOWED[package]), name


def test_no_modules_import_each_other() -> None:
    found = circle(import_graph())
    assert not found


def test_no_packages_of_app_import_each_other() -> None:
    packages: dict[str, set[str]] = {}
    for name, found in import_graph().items():
        package = ".".join(name.split(".")[:2])
        others = {".".join(other.split(".")[:2]) for other in found if within(other, "app")}
        packages.setdefault(package, set()).update(others - {package})
    found_circle = circle({name: packages[name] for name in packages if within(name, "app")})
    assert not found_circle


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.name == "__init__.py"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_package_file_holds_one_docstring_only(path: Path) -> None:
    (only,) = ast.parse(path.read_text(encoding="utf-8")).body
    assert isinstance(only, ast.Expr)
    assert isinstance(only.value, ast.Constant)
    assert isinstance(only.value.value, str)


def test_importing_the_caption_loads_neither_torch_nor_qt() -> None:
    program = (
        "import sys, engine.captions;"
        "print(sorted({name.partition('.')[0] for name in sys.modules}"
        " & {'torch', 'numpy', 'PyQt6', 'qasync'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=ROOT,
    )
    assert done.stdout.strip() == "[]"
