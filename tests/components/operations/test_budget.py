"""CostBudget: the monthly budget of a stage (X23)."""

from tests.components.recorder import get_recording, record_main_program

BUDGET = "aws:budgets/budget:Budget"


def test_a_budget_counts_the_costs_of_its_stage_and_sends_mails() -> None:
    """Requirement X23."""
    (budget,) = get_recording("production").find_by_type(BUDGET)
    assert (budget.inputs["limitAmount"], budget.inputs["limitUnit"]) == ("200", "USD")
    assert (budget.inputs["budgetType"], budget.inputs["timeUnit"]) == ("COST", "MONTHLY")
    assert budget.inputs["costFilters"] == [{"name": "TagKeyValue", "values": ["user:Stage$production"]}]
    sent = {(each["threshold"], each["notificationType"]) for each in budget.inputs["notifications"]}
    assert sent == {(50, "ACTUAL"), (80, "ACTUAL"), (100, "ACTUAL"), (100, "FORECASTED")}
    for each in budget.inputs["notifications"]:
        assert each["subscriberEmailAddresses"] == ["finance@example.com"]


def test_a_stage_without_the_setting_has_no_budget() -> None:
    assert not record_main_program("production", {"budget": None}).find_by_type(BUDGET)
