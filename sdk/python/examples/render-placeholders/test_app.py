import pytest

import app
from springline import BlobRef, Inline, Invalid, Object, Violation
from springline.testing import FakeHost, Link


def test_placeholders_are_replaced_and_binary_files_left() -> None:
    host = FakeHost(
        application="shop", environment="prod", values={"n": 3, "ok": True, "name": "Ö", "f": 1.5}
    )
    digest = host.add_artifact("site", {"index.html": "<h1>"})
    host.add_input("b.txt", "${application}/${environment} ${values.n}${values.ok} $}{\n")
    host.add_input("a/b.txt", "${values.name} ${values.f} ${artifacts.site}")
    host.add_input("raw", b"\xff${nothing}")
    host.add_input("link", Link("raw"))

    objects = host.render(app.placeholders, {"prefix": "p/", "artifacts": ["site"]})
    assert objects == [
        Object.inline("p/a/b.txt", f"Ö 1.5 {digest}"),
        Object.inline("p/b.txt", "shop/prod 3true $}{\n"),
        Object.inline("p/raw", b"\xff${nothing}"),
        Object.tree("p/artifacts/site", digest),
    ]


def test_what_is_large_and_the_manifest_go_through_blobs() -> None:
    host = FakeHost()
    host.add_input("edge", b"\xff" * (1 << 20))
    host.add_input("large", b"\xff" * ((1 << 20) + 1))
    edge, large, manifest = host.render(app.placeholders, {"manifest": True})
    assert isinstance(edge.body, Inline)
    assert isinstance(large.body, BlobRef)
    assert host.body(large) == b"\xff" * ((1 << 20) + 1)
    assert (manifest.id, host.body(manifest)) == ("manifest.txt", b"edge\nlarge\n")


def test_everything_wrong_is_told_at_once() -> None:
    host = FakeHost(values={"list": [], "none": None})
    host.add_input(
        "a", "${values.x}\n${values.list}${values.none}\n\n${open\n${what} ${artifacts.y}"
    )
    with pytest.raises(Invalid) as caught:
        host.render(app.placeholders, {"artifacts": ["z"]})
    assert caught.value.violations == (
        Violation("no value `x`", file="a", line=1),
        Violation("no value `list`", file="a", line=2),
        Violation("no value `none`", file="a", line=2),
        Violation("`${` without `}`", file="a", line=4),
        Violation("unknown placeholder `what`", file="a", line=5),
        Violation("no artifact `y`", file="a", line=5),
        Violation("no artifact `z`", pointer="/artifacts/0"),
    )
