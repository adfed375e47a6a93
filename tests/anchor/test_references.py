"""Projects and deployments can be named by id in any case, name, site or URL, or by the link of a folder."""

import json
from pathlib import Path

import pytest

from tests.anchor.fake_api import BLOG, SHOP, Anchor, make_deployment_id

LIVE = make_deployment_id(7)
NEWEST = make_deployment_id(8)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (SHOP.lower(), SHOP),
        ("My shop", SHOP),
        ("next-site", SHOP),
        ("https://next-site.example.com", SHOP),
        ("https://NEXT-SITE.example.com/some/page?query", SHOP),
        (f"https://{LIVE.lower()}--next-site.example.com/page", SHOP),
        ("https://github.com/ada/shop.git", SHOP),
        ("https://github.com/ada/blog/", BLOG),
        (f"{{api}}/projects/{BLOG}/env", BLOG),
        (f"{{api}}/webhook/{BLOG}", BLOG),
        (f"{{api}}/deployments/{LIVE}", SHOP),
    ],
)
def test_a_project_is_found(anchor: Anchor, reference: str, expected: str) -> None:
    found = anchor.run_json("projects", "show", reference.format(api=anchor.api.url))
    assert found["projectId"] == expected


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (LIVE.lower(), LIVE),
        (f"https://{LIVE}--next-site.example.com", LIVE),
        (f"{{api}}/deployments/{LIVE}/logs", LIVE),
        ("https://next-site.example.com/", LIVE),
        ("My shop", NEWEST),
        ("next-site", NEWEST),
        (f"{{api}}/projects/{SHOP}", NEWEST),
    ],
)
def test_a_deployment_is_found(anchor: Anchor, reference: str, expected: str) -> None:
    found = anchor.run_json("deployment", reference.format(api=anchor.api.url))
    assert found["deploymentId"] == expected


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("My shp", "there is no project 'My shp': did you mean 'My shop'?"),
        ("unlike-any", "there is no project 'unlike-any': `anchor projects list` lists yours"),
        ("https://other.example.com", "is not a URL of one of your projects"),
        ("https://blog-site.example.com", "no deployment of 'Blog' is live yet: `anchor deployments Blog`"),
    ],
)
def test_the_error_says_what_to_do_about_an_unknown_reference(
    anchor: Anchor, reference: str, expected: str
) -> None:
    """Requirement Q1."""
    result = anchor.run("deployment", reference)
    assert (result.status, result.out) == (1, "")
    assert expected in result.err


def test_an_ambiguous_name_is_refused_with_the_ids(anchor: Anchor) -> None:
    anchor.api.projects[1]["name"] = "next-site"
    result = anchor.run("projects", "show", "next-site")
    assert result.status == 1
    assert [line.split()[0] for line in result.err.splitlines()[1:]] == [SHOP, BLOG]


def test_a_linked_folder_and_the_folders_below_need_no_project(anchor: Anchor) -> None:
    assert anchor.run("deployments").status == 2
    out = anchor.run_ok("link", "next-site")
    assert out.startswith(f"linked {anchor.folder} to My shop (next-site)")
    below = anchor.folder / "app" / "pages"
    below.mkdir(parents=True)
    for folder in (anchor.folder, below):
        assert SHOP in anchor.run_ok("projects", "show", folder=folder)
        assert NEWEST in anchor.run_ok("deployments", folder=folder)
        assert NEWEST in anchor.run_ok("deployment", folder=folder)
    assert anchor.run_ok("env", "set", "NEW=1") == f"set NEW: `anchor deploy {SHOP}` applies it\n"
    assert anchor.run_ok("env", "unset", "NEW", "API_KEY").startswith("removed NEW, API_KEY: ")
    assert anchor.run_ok("link").endswith("is linked to My shop (next-site)\n")
    assert anchor.run_ok("unlink", folder=below) == f"removed {anchor.folder}/.anchor/project.json\n"
    assert anchor.run("deployments").status == 2
    assert [*anchor.folder.iterdir()] == [anchor.folder / "app"]


def test_a_link_contains_no_secret_and_git_ignores_it(anchor: Anchor) -> None:
    anchor.run_ok("link", "Blog")
    folder = anchor.folder / ".anchor"
    assert json.loads((folder / "project.json").read_text()) == {"projectId": BLOG, "api": anchor.api.url}
    assert (folder / ".gitignore").read_text().splitlines()[-1] == "*"


def test_unlink_keeps_other_files_beside_the_link(anchor: Anchor) -> None:
    (anchor.folder / ".anchor").mkdir()
    other = anchor.folder / ".anchor" / "cache"
    other.touch()
    anchor.run_ok("link", "Blog")
    anchor.run_ok("unlink")
    assert other.exists()


def test_a_link_to_a_project_of_another_stage_is_refused(anchor: Anchor) -> None:
    anchor.run_ok("link", "Blog")
    file = anchor.folder / ".anchor" / "project.json"
    file.write_text(json.dumps({"projectId": BLOG, "api": "https://other.example.com"}))
    requests = len(anchor.api.requests)
    result = anchor.run("deploy")
    assert (result.status, len(anchor.api.requests)) == (1, requests)
    assert "remove the link with `anchor unlink`" in result.err
    assert "login --api" not in result.err  # a foreign repository can contain the link


@pytest.mark.parametrize("content", ["", "[]", '{"projectId": "../../x", "api": "y"}', '"text"', "\x80"])
def test_an_invalid_link_is_reported_and_can_be_removed(anchor: Anchor, content: str) -> None:
    file = anchor.folder / ".anchor" / "project.json"
    file.parent.mkdir()
    file.write_text(content, encoding="latin-1")
    result = anchor.run("deploy")
    assert (result.status, "write it again with `anchor link PROJECT`" in result.err) == (1, True)
    anchor.run_ok("unlink")
    assert not file.exists()


def test_without_a_link_unlink_and_link_fail(anchor: Anchor) -> None:
    assert anchor.run("unlink").status == 1
    assert "`anchor link PROJECT`" in anchor.run("link").err


def test_a_folder_that_cannot_be_written_is_named(anchor: Anchor) -> None:
    (anchor.folder / ".anchor").touch()
    result = anchor.run("link", "Blog")
    assert (result.status, "cannot be written" in result.err) == (1, True)


@pytest.mark.parametrize("name", ["project.json", ".gitignore"])
def test_a_link_does_not_overwrite_the_target_of_a_symbolic_link(anchor: Anchor, name: str) -> None:
    """A repository can contain such a symbolic link."""
    target = anchor.folder / "target"
    (anchor.folder / ".anchor").mkdir()
    (anchor.folder / ".anchor" / name).symlink_to(target)
    result = anchor.run("link", "Blog")
    assert (result.status, "is a symbolic link" in result.err) == (1, True)
    assert not target.exists()


def test_a_project_without_deployments_is_told_with_the_command_that_deploys_it(anchor: Anchor) -> None:
    anchor.api.deployments.clear()
    assert f"`anchor deploy {SHOP}`" in anchor.run("logs", "My shop").err


def test_the_current_folder_is_the_default(anchor: Anchor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(anchor.folder)
    anchor.run_ok("link", "Blog", folder=Path.cwd())
    assert (anchor.folder / ".anchor/project.json").exists()
