# SPDX-License-Identifier: Apache-2.0
"""What a licence means is said in words."""

import pytest

from moclip.licences import in_words
from moclip.models import list_models


@pytest.mark.parametrize(
    ("licence", "means"),
    [
        ("CC BY-NC 4.0", "for non-commercial use"),
        ("CC BY-NC-SA 4.0", "for non-commercial use"),
        ("CC BY-SA 4.0", "any use; who passes on changed weights does so under CC BY-SA 4.0"),
        ("CC BY 4.0", "yours for any use."),
        ("CC0 1.0", "yours for any use."),
        ("Apache-2.0", "yours for any use."),
        ("unknown", "is not known"),
        ("ask us", "is not known"),
    ],
)
def test_licences_in_words(licence, means):
    assert means in in_words(licence)


def test_the_licences_of_the_models_that_come_along_are_known():
    assert all("is not known" not in in_words(info.licence) for info in list_models())
