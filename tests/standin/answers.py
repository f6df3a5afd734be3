"""What a server sends back."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """A status, a body, its media type and further headers."""

    status: int
    body: bytes
    kind: str = "application/zip"
    headers: dict[str, str] = field(default_factory=dict)
