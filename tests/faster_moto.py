"""moto's DynamoDB with less work for each call. The answers are the same.

moto copies the whole table before each operation of a transaction. It parses each expression again, and asks
its validators at every node of an expression which nodes they process. This took half of the time of moto.
"""

from collections import defaultdict, deque
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models.dynamo_type import DDBType, DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser
from moto.dynamodb.parsing.expressions import UpdateExpressionParser

# moto never changes an attribute value of these types, it replaces the value.
_IMMUTABLE: Final = {DDBType.STRING, DDBType.NUMBER, DDBType.BINARY, DDBType.BOOLEAN, DDBType.NULL}
_copy_value: Final = DynamoType.__deepcopy__
_lex: Final = ConditionExpressionParser._lex_condition_expression


def install() -> None:
    """Replace the slow parts of moto for this process."""
    Table.__deepcopy__ = _copy_table
    Item.__deepcopy__ = _copy_item
    DynamoType.__deepcopy__ = _copy_changeable_value
    # `tests.stricter_dynamodb` checks the limit of 400 KB. moto would compute the size of the row again for
    # each attribute.
    del LimitedSizeDict.__setitem__
    UpdateExpressionParser.make = staticmethod(lru_cache(UpdateExpressionParser.make))
    ConditionExpressionParser._lex_condition_expression = _lex_once
    DepthFirstTraverser.traverse = _traverse


def _copy_table(table: Table, memo: dict[int, Any]) -> Table:
    """Copy a table with its rows. The copy has the same key schema, indexes and settings."""
    copied = object.__new__(Table)
    copied.__dict__.update(table.__dict__)
    copied.items = defaultdict(dict)
    for partition, rows in table.items.items():
        copied.items[partition] = (
            _copy_item(rows, memo)
            if isinstance(rows, Item)
            else {key: _copy_item(row, memo) for key, row in rows.items()}
        )
    return copied


def _copy_item(item: Item, memo: dict[int, Any]) -> Item:
    copied = object.__new__(Item)
    copied.hash_key, copied.range_key = item.hash_key, item.range_key
    copied.attrs = LimitedSizeDict.__new__(LimitedSizeDict)
    for name, value in item.attrs.items():
        copied.attrs[name] = _copy_changeable_value(value, memo)
    return copied


def _copy_changeable_value(value: DynamoType, memo: dict[int, Any]) -> DynamoType:
    return value if value.type in _IMMUTABLE else _copy_value(value, memo)


def _lex_once(parser: ConditionExpressionParser) -> deque[Any]:
    """Return the tokens of the parser's expression. The parser takes them out of the queue."""
    return deque(_lex_expression(parser.condition_expression or ""))


@lru_cache(maxsize=1000)
def _lex_expression(expression: str) -> tuple[Any, ...]:
    return tuple(_lex(ConditionExpressionParser(expression, None, None)))


def _traverse(validator: DepthFirstTraverser, node: Any) -> Any:  # noqa: ANN401 - moto has no types here
    """Let a validator process a tree. moto asks for the validator's processors twice for each node."""
    processors: Mapping[type, Any] = validator._processing_map()
    kinds = tuple(processors)
    validator._processing_map = lambda: processors
    validator.nodes_to_be_processed = lambda: kinds
    return validator.traverse_node_recursively(node)
