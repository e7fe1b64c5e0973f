"""Texts of settings and of errors: lists, and values on one line."""

SHOWN_CHARACTERS = 300


def parts_of_list(value: str) -> tuple[str, ...]:
    """Return the parts of a list that is separated by commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def one_line(text: str) -> str:
    """Return at most SHOWN_CHARACTERS of the text, with control characters escaped."""
    line = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}..."


def message_of(error: BaseException | None) -> str:
    """Return the message of an error on one line."""
    return one_line(" ".join(str(error).split()))
