"""Word error rate: lower case, no punctuation, errors pooled over words."""
import re


def words(text):
    """Words as scored: an apostrophe inside a word belongs to it."""
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower().replace("\u2019", "'"))


def edit_distance(reference, hypothesis):
    """Fewest substitutions, insertions and deletions of list items."""
    row = list(range(len(hypothesis) + 1))
    for i, expected in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, found in enumerate(hypothesis, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (expected != found))
    return row[-1]


class WordErrors:
    """Pools errors over pairs of texts."""

    def __init__(self):
        self.errors = 0
        self.words = 0

    def add(self, reference, hypothesis):
        """Gives the errors and the reference's words of this pair."""
        expected = words(reference)
        errors = edit_distance(expected, words(hypothesis))
        self.errors += errors
        self.words += len(expected)
        return errors, len(expected)

    @property
    def rate(self):
        return self.errors / self.words if self.words else 0.0
