"""Wrong arguments are found before anything is created (G9)."""

import pytest

from policies.arguments.validation import find_argument_violations
from policies.graph import Graph
from policies.rules import RULES
from tests.components.recorder import get_recording
from tests.components.stages import STAGES
from tests.policies.arguments.mutations import generate_mutations
from tests.policies.arguments.wrong_inputs import WRONG_INPUTS, WrongInput
from tests.policies.views import build_graph

_SDK = "the constructor of Pulumi's SDK checks archives"
_MISTAKES = [
    pytest.param(type_token, mistake, id=f"{type_token.rpartition(':')[2]}: {mistake.what}")
    for type_token, mistakes in WRONG_INPUTS.items()
    for mistake in mistakes
]
# Mistakes that no check finds, with the reason.
NOT_FOUND = {
    "aws:lambda/function:Function code: wrong type": _SDK,
    "aws:lambda/layerVersion:LayerVersion code: wrong type": _SDK,
    **dict.fromkeys(
        (
            f"aws:cloudfront/{kind} name: {mistake}"
            for kind in ("cachePolicy:CachePolicy", "responseHeadersPolicy:ResponseHeadersPolicy")
            for mistake in ("long name", "long logical name")
        ),
        "neither the provider nor AWS's models limit the name",
    ),
}


@pytest.mark.parametrize(("type_token", "mistake"), _MISTAKES)
def test_a_wrong_input_is_found(type_token: str, mistake: WrongInput) -> None:
    """In a preview, the rules of the policy pack find the mistake. The message names what is wrong."""
    resource = mistake.inject(build_graph(get_recording("production")), type_token)
    graph = Graph((resource,))
    messages = [problem for rule in RULES for _, problem in rule.find_violations(graph)]
    assert any(mistake.says in message for message in messages), messages


def test_generated_mistakes_are_found() -> None:
    """The generated resources contain each kind of mistake once for every argument of every stage."""
    stages = (build_graph(get_recording(stage)) for stage in STAGES)
    graph = Graph(tuple(resource for each in stages for resource in each.resources))
    mutations = list(generate_mutations(graph))
    not_found = {str(each) for each in mutations if not list(find_argument_violations(each.resource))}
    assert not_found == NOT_FOUND.keys()
    assert len(mutations) > 2000
    assert len({each.kind for each in mutations}) > 30
    declared = {resource.type for resource in graph.resources if resource.type.startswith("aws:")}
    assert {each.resource.type for each in mutations} == declared
