"""The examples and the templates: their own tests pass, and a type checker has nothing to say."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SDK = Path(__file__).parents[1]
EXAMPLES = sorted((SDK / "examples").iterdir())
TEMPLATES = sorted((SDK / "template").iterdir())


def name(path: Path) -> str:
    return path.name


def python(project: Path, *arguments: str) -> None:
    environment = {**os.environ, "MYPYPATH": str(SDK / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def from_template(template: Path, project: Path) -> Path:
    """What `springline plugin new` makes of a template."""
    shutil.copytree(template, project, ignore=shutil.ignore_patterns("__pycache__"))
    for file in project.iterdir():
        if file.is_file():
            text = file.read_text()
            file.write_text(
                text.replace("{{name}}", "my-plugin").replace("{{module}}", "my_plugin")
            )
    (project / "sdk").mkdir()
    (project / "sdk/src").symlink_to(SDK / "src")
    return project


@pytest.mark.parametrize("example", EXAMPLES, ids=name)
def test_an_example_passes_its_tests(example: Path) -> None:
    python(example, "pytest", "-q", "-p", "no:cacheprovider")


@pytest.mark.parametrize("template", TEMPLATES, ids=name)
def test_a_template_passes_its_tests(template: Path, tmp_path: Path) -> None:
    project = from_template(template, tmp_path / "project")
    python(project, "pytest", "-q", "-p", "no:cacheprovider")
    body = (project / "app.py").read_text().partition("@")[2]
    assert len(body.splitlines()) < 50


def test_types_hold(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="pip install mypy")
    strict = ("mypy", "--strict", "--cache-dir", str(tmp_path / "cache"))
    python(SDK, *strict)
    for example in EXAMPLES:
        python(example, *strict, "app.py", "test_app.py")
    for template in TEMPLATES:
        project = from_template(template, tmp_path / template.name)
        python(project, *strict, "app.py", "test_app.py")
