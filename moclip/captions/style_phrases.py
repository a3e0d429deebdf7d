# SPDX-License-Identifier: Apache-2.0
"""The words of the captions for styles: adjectives of the mover, adverbs, and longer manners."""

from __future__ import annotations

from dataclasses import dataclass

from moclip.captions.grammar import words


@dataclass(frozen=True)
class StylePhrases:
    """adjectives go before the noun, adverbs before or after the verb, manners to the end of the sentence."""

    adjectives: tuple[str, ...]
    adverbs: tuple[str, ...]
    manners: tuple[str, ...]


def _style(adjectives: str, adverbs: str, manners: str) -> StylePhrases:
    return StylePhrases(words(adjectives), words(adverbs), words(manners))


STYLES: dict[str, StylePhrases] = {
    "active": _style(
        "active|energetic|lively|vigorous|spirited|perky|dynamic|sporty|peppy",
        "energetically|actively|vigorously|briskly|dynamically|eagerly|lively|spiritedly",
        """with energy|with a lot of energy|full of energy|in an energetic way|with vigour|in an active way|
        in a lively manner|with enthusiasm""",
    ),
    "angry": _style(
        "angry|furious|mad|enraged|irritated|annoyed|cross|grumpy",
        "angrily|furiously|crossly|aggressively|irritably|madly",
        """in anger|in a rage|in a bad mood|as if angry|like an angry person|in an angry way|with anger|in a fury|
        fuming""",
    ),
    "childish": _style(
        "childish|childlike|playful|silly|little",
        "childishly|playfully|like a child|like a kid|like a little kid",
        """in a childish way|like a small child|in a playful manner|as a child would|the way children do|
        acting like a kid|in a silly way""",
    ),
    "chimpira": _style(
        "swaggering|thuggish|cocky|street-tough|delinquent|arrogant|punk",
        "with a swagger|cockily|arrogantly|like a thug|like a gangster|swaggeringly",
        """like a street tough|in a swaggering way|like a hoodlum|like a punk|like a small-time gangster|
        with a tough guy attitude|like a delinquent""",
    ),
    "feminine": _style(
        "feminine|ladylike|graceful|girly|dainty|elegant",
        "gracefully|daintily|elegantly|femininely|like a lady",
        """in a feminine way|like a woman|like a fashion model|in a ladylike manner|with feminine grace|
        in a girly way|like a lady|with elegance""",
    ),
    "giant": _style(
        "giant|huge|gigantic|massive|colossal|heavy|enormous",
        "heavily|ponderously|like a giant|massively",
        """like a giant|as if gigantic|as if {he} weighed a ton|in the manner of a giant|like a huge creature|
        with heavy movements|like an ogre|like a titan""",
    ),
    "happy": _style(
        "happy|cheerful|joyful|merry|glad|jolly|delighted|excited",
        "happily|cheerfully|joyfully|merrily|gladly|gleefully|jauntily",
        """in a happy mood|with joy|full of joy|in a good mood|as if happy|in a cheerful way|like a happy person|
        with a spring in {his} step""",
    ),
    "masculine": _style(
        "masculine|manly|macho|muscular|burly|virile",
        "manfully|like a man|like a macho man|in a manly way",
        """in a masculine way|in a macho way|like a tough man|with manly movements|in a manly manner|
        like a bodybuilder""",
    ),
    "musical": _style(
        "musical|rhythmic|bouncy|groovy",
        "rhythmically|musically|to the beat|in rhythm|to the music",
        """as if listening to music|to a rhythm|in time with music|in a musical way|with rhythm|
        as though dancing to a song|in step with the beat""",
    ),
    "not-confident": _style(
        "shy|timid|insecure|nervous|unsure|hesitant|unconfident|bashful",
        "timidly|shyly|nervously|hesitantly|unsurely|sheepishly|meekly",
        """without confidence|lacking confidence|as if unsure|in a shy way|with no self-confidence|like a shy person|
        in an insecure way|with hesitation""",
    ),
    "proud": _style(
        "proud|confident|haughty|pompous|self-assured|dignified",
        "proudly|confidently|haughtily|pompously|with pride",
        """with {his} chest out|in a proud way|like a king|with confidence|full of pride|like a proud person|
        with {his} head held high""",
    ),
    "sad": _style(
        "sad|depressed|gloomy|unhappy|downcast|miserable|dejected|heartbroken",
        "sadly|gloomily|unhappily|dejectedly|miserably|glumly",
        """in a sad mood|as if sad|like a depressed person|in low spirits|with {his} head down|in a gloomy way|
        with sorrow|as if heartbroken""",
    ),
    "tired": _style(
        "tired|weary|sleepy|fatigued|worn-out|drowsy",
        "wearily|tiredly|sluggishly|lethargically|sleepily|slowly",
        """as if tired|like a tired person|in a tired way|with fatigue|after a long day|with little energy|
        as though half asleep|with weary movements""",
    ),
    "exhausted": _style(
        "exhausted|drained|worn-out|weak|fatigued|tired|dog-tired",
        "exhaustedly|weakly|wearily|sluggishly|slowly|tiredly",
        """as if exhausted|like an exhausted person|completely worn out|out of breath|on {his} last legs|
        in an exhausted way|out of energy|with no strength left""",
    ),
    "elderly": _style(
        "elderly|old|aged|frail|senior|ageing|hunched",
        "feebly|slowly|stiffly|frailly|like an old person",
        """like an old person|like an elderly person|in an elderly way|as if {he} were old|like a grandparent|
        like someone with a bad back|with old bones|in a frail way""",
    ),
    "youthful": _style(
        "youthful|young|sprightly|fresh|lively",
        "youthfully|nimbly|sprightly|lightly|briskly",
        """like a young person|in a youthful way|like a teenager|with youthful energy|in a youthful manner|
        as a youngster would""",
    ),
}
ALIASES = {"old": "elderly", "masculinity": "masculine", "not_confident": "not-confident", "swaggering": "chimpira"}

NEUTRAL_ADVERBS = words(
    "normally|casually|calmly|as usual|in a normal way|naturally|at a normal pace|simply|in a relaxed way|regularly"
)
