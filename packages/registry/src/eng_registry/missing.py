"""What to say when a name is not found: where it was searched, what is near, where it is, what to install."""

from __future__ import annotations

from collections.abc import Iterator

from eng_registry.errors import NotRegisteredError
from eng_registry.imports import is_allowed
from eng_registry.node import Node, everywhere
from eng_registry.scope import split_scope_key
from eng_registry.suggestion import nearest

_SHOWN = 12


def not_registered(node: Node, key: str) -> NotRegisteredError:
    """The error for a name that `node` cannot find; its cause is why a provider could not be imported, if so."""
    scope, name = split_scope_key(key)
    target = node if scope is None else node.seen(scope)
    if target is None:
        searched, says = [node], _about_scope(node, key)
    else:
        alone = scope is not None and (target is node or target.parent is None)
        searched = [target] if alone else list(target.upwards())
        says = _about_name(searched, "" if scope is None else f"{scope}.", name)
    error = NotRegisteredError(f"{key} is not in the {searched[0].label} registry" + "".join(says))
    failures = [failure.error for registry in searched for failure in registry.source.failures]
    if len(failures) == 1:
        error.__cause__ = failures[0]
    elif failures:
        error.__cause__ = ExceptionGroup("entry points that could not be imported", failures)
    return error


def _about_name(searched: list[Node], prefix: str, name: str) -> Iterator[str]:
    """The sentences after "X is not in the registry", most helpful first."""
    registered = sorted({known for registry in searched for known in registry.objects})
    near = nearest(name, registered)
    yield f"; did you mean `{prefix}{near}`?" if near else "."
    places = [_address(other, searched[0], name) for other in _having(name) if other not in searched]
    if places:
        yield f" It is in {' and '.join(places)}."
    for registry in searched:
        for failure in registry.source.failures:
            error = failure.error
            yield f" The {failure.source} could not be imported: {type(error).__name__}: {error}."
        provider = registry.source.missing_provider()
        if provider is not None:
            yield f" What fills {registry.label} is not installed: pip install {provider}."
    if not registered:
        yield " Nothing is registered there: is the module that registers it imported?"
        return
    if not near and not places:
        yield " Is the module that registers it imported?"
    more = f", ... ({len(registered)} in all)" if len(registered) > _SHOWN else ""
    yield f" Registered: {', '.join(registered[:_SHOWN])}{more}."


def _about_scope(node: Node, key: str) -> Iterator[str]:
    """The sentences for a scope, or the first step of an import path, that leads nowhere."""
    scope, name = split_scope_key(key)
    top = node.top
    scopes = sorted({node.scope, top.scope, *node.children, *top.children})
    near = nearest(scope or "", scopes)
    yield f": there is no scope `{scope}`" + (f"; did you mean `{near}.{name}`?" if near else ".")
    yield f" Scopes: {', '.join(scopes)}."
    places = [_address(other, node, name) for other in _having(name)]
    if places:
        yield f" {name} is in {' and '.join(places)}."
    if is_allowed(key, node.allow_import):
        yield " Nothing has that import path either."
    else:
        yield f" Import paths are names only where code allows it: allow_import({key!r})."


def _having(name: str) -> list[Node]:
    return sorted((node for node in everywhere if name in node.objects), key=lambda node: node.label)


def _address(other: Node, asker: Node, name: str) -> str:
    return f"{other.label} (`{other.scope}.{name}`)" if other.top is asker.top else other.label
