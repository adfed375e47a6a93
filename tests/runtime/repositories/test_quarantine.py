"""A6: random creations, deletions and cleanings of several tenants on one site, compared with a model."""

import os

import pytest
from attrs import define, evolve
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from moto import mock_aws

from runtime.deploy.errors import SiteUnavailableError
from runtime.deploy.model import Project
from runtime.deploy.repositories.sites import Claim, ListedSite
from tests.runtime.calls import REGION, get_real_client
from tests.runtime.platform_fixture import OTHER, OWNER, Platform
from tests.runtime.tables import list_platform_tables

pytestmark = pytest.mark.thorough

TENANTS = (OWNER, OTHER, "third-0000")
USERS, RUNS = st.sampled_from(TENANTS), st.sampled_from([0, 1])


@define
class Model:
    """The expected state of the site.

    Attributes:
        project: The project that uses the site, or used it before the quarantine. None if it is clean.
        is_freed: Whether the site is in quarantine.
        cleaner: The run of the collector that began the last step. None between the steps.
    """

    project: Project | None = None
    is_freed: bool = False
    cleaner: int | None = None

    def is_available_to(self, user: str) -> bool:
        if self.project is None:
            return True
        return self.is_freed and self.cleaner is None and self.project.user_id == user


class AnyOrder(RuleBasedStateMachine):
    """Each rule is a request of a tenant, or a step of one of two runs of the collector."""

    @initialize()
    def start(self) -> None:
        os.environ["AWS_DEFAULT_REGION"] = REGION
        self.aws = mock_aws()
        self.aws.start()
        for table in list_platform_tables():
            get_real_client("dynamodb").create_table(**table)
        self.platform = Platform()
        self.pattern = self.platform.create_project(site="first")
        self.platform.declare_site("shared")
        self.model = Model()
        self.reserved: dict[int, Claim] = {}

    def teardown(self) -> None:
        if hasattr(self, "aws"):
            self.aws.stop()

    def read_site(self) -> ListedSite:
        return next(
            each for each in self.platform.project_service.sites.list_all() if each.site.site == "shared"
        )

    @rule(user=USERS)
    def a_tenant_creates_a_project(self, user: str) -> None:
        project = evolve(self.pattern, project_id=self.platform.ids(), user_id=user, site="shared")
        if self.model.is_available_to(user):
            self.platform.projects.create(project)
            self.model = Model(project=project)
        else:
            with pytest.raises(SiteUnavailableError):
                self.platform.projects.create(project)

    @precondition(lambda self: self.model.project and not self.model.is_freed)
    @rule()
    def the_tenant_deletes_the_project(self) -> None:
        assert self.model.project
        self.platform.free_site(self.model.project)
        self.model.is_freed = True

    @precondition(lambda self: self.model.is_freed)
    @rule(run=RUNS)
    def a_run_begins_a_step(self, run: int) -> None:
        claim = self.read_site().claim
        assert claim
        self.reserved[run] = self.platform.quarantine.begin("shared", claim, at=self.platform.clock())
        self.model.cleaner = run

    @precondition(lambda self: self.reserved)
    @rule(run=RUNS, is_last=st.booleans())
    def a_run_ends_its_step(self, run: int, *, is_last: bool) -> None:
        """The run possibly read the claim before the site was used and freed again."""
        claim = self.reserved.pop(run, None)
        if claim is None:
            return
        expected = self.model.cleaner == run and self.model.is_freed
        try:
            if is_last:
                self.platform.quarantine.end("shared", claim)
            else:
                self.platform.quarantine.record_stop("shared", claim, at=self.platform.clock())
        except SiteUnavailableError:
            assert not expected
            return
        assert expected
        if is_last:
            self.model = Model()
        else:
            self.model.cleaner = None

    @invariant()
    def the_list_of_sites_agrees(self) -> None:
        if not hasattr(self, "model"):
            return
        site, model = self.read_site(), self.model
        assert [site.is_available_to(user) for user in TENANTS] == [
            model.is_available_to(user) for user in TENANTS
        ]
        used_by = model.project.project_id if model.project and not model.is_freed else None
        assert site.project_id == used_by


AnyOrder.TestCase.settings = settings(
    max_examples=20, stateful_step_count=30, phases=[Phase.explicit, Phase.generate], derandomize=True
)
TestAnyOrder = AnyOrder.TestCase
