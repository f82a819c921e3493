"""Characters that no text for people may hold."""

UNPRINTABLE = "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
"""As a regular expression: control characters, which could steer a terminal, and invisible ones, which could reorder what a person
reads.
"""
