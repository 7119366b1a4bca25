"""LIKE patterns, and what they are where matching is done by GLOB."""

SPECIAL = {"\\": "\\\\", "%": "\\%", "_": "\\_"}
ESCAPES = str.maketrans(SPECIAL)
GLOB_SPECIAL = {"*": "[*]", "?": "[?]", "[": "[[]"}
GLOB_ESCAPES = str.maketrans(GLOB_SPECIAL)
GLOB_WILDCARDS = {"%": "*", "_": "?"}


def escaped(text: str) -> str:
    """A text in which no character is a wildcard of LIKE."""
    return text.translate(ESCAPES)


def starting(text: str) -> str:
    return escaped(text) + "%"


def ending(text: str) -> str:
    return "%" + escaped(text)


def containing(text: str) -> str:
    return "%" + escaped(text) + "%"


def glob(pattern: str) -> str:
    """A LIKE pattern as GLOB has it."""
    result: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            following = next(characters, "\\")
            result.append(GLOB_SPECIAL.get(following, following))
        else:
            result.append(GLOB_WILDCARDS.get(character) or GLOB_SPECIAL.get(character, character))
    return "".join(result)


def glob_escaped(text: str) -> str:
    """A text in which no character is a wildcard of GLOB."""
    return text.translate(GLOB_ESCAPES)


def glob_starting(text: str) -> str:
    return glob_escaped(text) + "*"


def glob_ending(text: str) -> str:
    return "*" + glob_escaped(text)


def glob_containing(text: str) -> str:
    return "*" + glob_escaped(text) + "*"


def ends_in_escape(pattern: str) -> bool:
    """Whether the last backslash of a pattern has nothing to escape."""
    return (len(pattern) - len(pattern.rstrip("\\"))) % 2 == 1
