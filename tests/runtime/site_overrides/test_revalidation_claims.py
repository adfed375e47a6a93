"""One function instance renders a stale page again, the others go on serving it (D7, F1)."""

from typing import Final

from tests.runtime.calls import get_real_client
from tests.runtime.site_overrides.override_host import DEPLOYMENT, TABLE, OverrideHost

NOW: Final = 1_769_851_800_000
WRITE: Final = 'await cache.set("/news", { type: "app" });'
# A request that reads the page and asks whether it renders it.
CLAIM: Final = """
const claim = () => inRequest(async () => {
  await cache.get("/news");
  return globalThis.anchorClaimRevalidation();
});
"""


def claim_in_new_instance(host: OverrideHost, at: int) -> bool:
    claimed: bool = host.run(f"{CLAIM} setTime({at}); return claim();")
    return claimed


def test_the_first_of_many_requests_renders_a_stale_page(host: OverrideHost) -> None:
    host.run(f"setTime({NOW}); {WRITE}")
    claims = host.run(
        f"{CLAIM} setTime({NOW} + 2000); return Promise.all(Array.from({{ length: 20 }}, claim));"
    )
    assert claims.count(True) == 1


def test_an_instance_that_was_refused_asks_again_a_second_later(host: OverrideHost) -> None:
    host.run(f"setTime({NOW}); {WRITE}")
    assert claim_in_new_instance(host, NOW + 2000)
    host.calls.clear()
    host.run(f"{CLAIM} setTime({NOW} + 2000); for (let each = 0; each < 20; each += 1) await claim();")
    assert host.count_calls("UpdateItem") == 1
    host.run(f"{CLAIM} for (const at of [2000, 2999, 3000]) {{ setTime({NOW} + at); await claim(); }}")
    assert host.count_calls("UpdateItem") == 3


def test_other_instances_are_refused_until_there_is_a_new_entry(host: OverrideHost) -> None:
    host.run(f"setTime({NOW}); {WRITE}")
    assert claim_in_new_instance(host, NOW + 2000)
    assert not claim_in_new_instance(host, NOW + 2500)
    host.run(f"setTime({NOW} + 3000); {WRITE}")
    assert claim_in_new_instance(host, NOW + 5000)


def test_a_claim_ends_if_its_instance_writes_no_entry(host: OverrideHost) -> None:
    host.run(f"setTime({NOW}); {WRITE}")
    assert claim_in_new_instance(host, NOW + 2000)
    assert not claim_in_new_instance(host, NOW + 32_000)
    assert claim_in_new_instance(host, NOW + 32_001)


def test_a_request_that_has_read_an_old_entry_is_refused(host: OverrideHost) -> None:
    """A newer entry was written and claimed since this request read the page."""
    assert host.run(
        f"""
        const read = async (at) => {{
          setTime(at);
          await cache.set("/news", {{ type: "app" }});
          let resume;
          const paused = new Promise((resolve) => {{ resume = resolve; }});
          const claimed = inRequest(async () => {{
            await cache.get("/news");
            await paused;
            return globalThis.anchorClaimRevalidation();
          }});
          await new Promise((resolve) => setTimeout(resolve, 50));
          return {{ resume, claimed }};
        }};
        const old = await read({NOW});
        const newer = await read({NOW} + 5000);
        newer.resume();
        const first = await newer.claimed;
        old.resume();
        return [first, await old.claimed];
        """
    ) == [True, False]


def test_a_claim_is_deleted_a_day_later(host: OverrideHost) -> None:
    host.run(f"setTime({NOW}); {WRITE}")
    claim_in_new_instance(host, NOW + 2000)
    assert get_real_client("dynamodb").scan(TableName=TABLE)["Items"] == [
        {
            "tag": {"S": f"{DEPLOYMENT}/page/news"},
            "path": {"S": "-"},
            "claimedFor": {"N": str(NOW)},
            "claimedUntil": {"N": str(NOW + 32_000)},
            "expiresAt": {"N": str(NOW // 1000 + 2 + 86_400)},
        }
    ]


def test_a_page_is_rendered_if_it_cannot_be_claimed(host: OverrideHost) -> None:
    host.run(f"setTime({NOW}); {WRITE}")
    host.errors["UpdateItem"] = "InternalServerError"
    assert claim_in_new_instance(host, NOW + 2000)


def test_a_request_without_a_cached_page_needs_no_claim(host: OverrideHost) -> None:
    assert host.run(
        """
        const claim = globalThis.anchorClaimRevalidation;
        return [await claim(), await inRequest(claim)];
        """
    ) == [
        True,
        True,
    ]
    assert host.calls == []


def test_no_page_is_sent_to_the_queue(host: OverrideHost) -> None:
    """D7: the revalidation of a page cannot delay another one, or fail because a host does not exist yet."""
    host.run('await queue.send({ MessageBody: { host: "shop.example.com", url: "/" } }); return queue.name;')
    assert host.calls == []
