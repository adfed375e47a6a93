"""After a project is deleted and a new project uses its site, the old files are not served (P6, A5)."""

import json
from datetime import timedelta

from runtime.deploy.handlers import promote
from runtime.deploy.model import Project
from tests.runtime.events import make_api_event
from tests.runtime.platform_fixture import OWNER
from tests.runtime.releases.release_fixture import ASSETS, ReleasePlatform

CHUNK = "_next/static/chunks/0iumlkwknlbd6.js"


def read_served_file(stage: ReleasePlatform, project: Project, path: str) -> bytes | None:
    """Return a hashed file of a project's site as the edge finds it (see `viewer-request.js`), or None."""
    folder = json.loads(stage.store.items[stage.get_site(project).host])["n"]
    content, *_ = stage.objects.stored.get((ASSETS, f"assets/{folder}/{path}"), (None,))
    return content


def test_a_reused_site_serves_no_hashed_file_of_its_former_project(stage: ReleasePlatform) -> None:
    """Otherwise, a script of the deleted project could run in the new project's pages.

    For this attack, the script only needs the same path as a script of the new project.
    """
    before = stage.create_project()
    planted = {f"assets/{CHUNK}": b"evil()", "assets/_next/static/evil.html": b"<script>evil()</script>"}
    stage.release(stage.create_built(before, planted))
    assert read_served_file(stage, before, CHUNK) == b"evil()"
    left = stage.objects.list_keys(ASSETS, f"assets/{before.site}/{before.project_id}/_next/static/")
    promote.handle_event(
        make_api_event("DELETE /projects/{projectId}", user_id=OWNER, projectId=before.project_id),
        stage.services,
    )

    after = stage.create_project(user_id=OWNER)
    assert after.site == before.site
    stage.create_live(after)
    assert read_served_file(stage, after, CHUNK) not in {b"evil()", None}
    assert read_served_file(stage, after, "_next/static/evil.html") is None

    at = stage.platform.clock()
    stage.collector.collect(stage.platform.log, at=at)
    assert left == stage.objects.list_keys(ASSETS, f"assets/{before.site}/{before.project_id}/_next/static/")
    stage.collector.collect(stage.platform.log, at=at + timedelta(hours=1))
    assert not stage.objects.list_keys(ASSETS, f"assets/{before.site}/{before.project_id}/")
    assert read_served_file(stage, after, CHUNK)
