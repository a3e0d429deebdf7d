# SPDX-License-Identifier: Apache-2.0
"""More phrases for the captions, as people put it who describe a scene and not a movement: who does it to what, and
        why.

`action_phrases` joins them to its own. Same form: base verbs, slots and `|
` (see `moclip.text.grammar`). BODY has what a
part of the body or a thing held does instead of its owner: subject, `>`, verb phrase; an `s` or `feet` makes a plural.
`more_phrases.toml` beside this file has more of all.
plain, sided, both, tails: as in `ActionPhrases`. endings: of any phrase of the action, however long. limb: what a limb
itself does ("her left arm goes up").
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from moclip.text.grammar import words


@dataclass(frozen=True)
class EverydayPhrases:
    """Phrases of one action; see the module's docstring."""

    plain: tuple[str, ...] = ()
    sided: tuple[str, ...] = ()
    both: tuple[str, ...] = ()
    tails: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    limb: tuple[str, ...] = ()


def _phrases(
    plain: str = "", sided: str = "", both: str = "", tails: str = "", endings: str = "", limb: str = ""
) -> EverydayPhrases:
    return EverydayPhrases(words(plain), words(sided), words(both), words(tails), words(endings), words(limb))


_FILE = tomllib.loads((Path(__file__).parent / "more_phrases.toml").read_text(encoding="utf-8"))
"""Phrases by writers who had not seen those above: by action, a list for `plain`, `sided`, `both`, `body`."""


def _from_file(name: str, side: str = "") -> dict[str, tuple[str, ...]]:
    """The tables of one action; with a side, `{side}` in them is filled."""
    tables = _FILE.get(name, {})
    return {key: tuple(p.replace("{side}", side) if side else p for p in tables[key]) for key in tables}


def _joined(first: EverydayPhrases, tables: dict[str, tuple[str, ...]]) -> EverydayPhrases:
    own = {key: table for key, table in tables.items() if key != "body"}
    return replace(first, **{key: getattr(first, key) + table for key, table in own.items()})


_TURN = """take the next street on the {side}|go round the {side} corner|make a quarter turn {side} on the way|
    *walk and *make a ninety-degree turn to the {side}|turn ninety degrees {side} while walking|
    turn {side} at the crossing|turn {side} into a side street|*walk a bit and *go around to the {side}|
    walk in a {side}-hand curve|walk a {side}-hand bend|curve round to the {side} while walking|
    *walk on, turning more and more {side}|turn gradually to the {side} on foot|
    *walk, then *swing {his} whole body to the {side} and *go on|walk round a tree on the {side}|
    *walk up to a corner and *turn {side}|turn {his} back on the camera by walking {side}|
    turn toward the {side} while walking|turn {side} mid-walk|rotate to the {side} while walking forward|
    walk a quarter circle to the {side}|walk a half circle to the {side}|walk part of a circle to the {side}|
    walk round in a {side} loop|head {side} at the end of the corridor|*come down the hall and *turn {side}|
    go {side} round the corner|exit to the {side} round a corner|*walk straight and then *take a {side}|
    *stroll along and *bear round to the {side}|follow the path as it curves {side}|
    follow the road as it bends {side}|*walk a few steps and *turn ninety degrees to the {side}|
    turn {his} walk to the {side}|change heading to the {side}|*alter {his} course to the {side}|
    *face {side} and *walk that way|*turn on {his} heel to the {side} and *walk off|march round to the {side}|
    do a {side} wheel like a marching soldier|*walk, rounding to {his} {side}|
    walk along a path that bends to {his} {side}|take the {side} fork|patrol round a corner to the {side}|
    turn ninety degrees to {his} {side}|make a sharp {side}|make a gentle {side} turn|make a wide {side} turn|
    take a sharp turn to {his} {side}|bend off {side}|turn {side}wards while walking|walk round to {his} {side} side|
    skirt an obstacle by turning {side}|do a curved walk to the {side}|do a walking turn {side}|
    *turn to {his} {side} and *keep going|turn into the door on the {side}|circle round to {his} {side}"""

_DIAGONAL = """walk slantwise to the {side}|walk aslant to the {side}|walk forward at a slant to the {side}|
    walk obliquely to the {side}|move ahead on a slant to the {side}|*walk {side} without turning {his} body|
    walk to the {side} still facing forward|*walk forward and {side} while facing straight ahead|
    walk diagonally {side} with {his} body facing front|walk toward the {side} keeping {his} chest forward|
    drift over to the {side} while walking|edge to the {side} while walking on|
    *step forward and {side} again and again|cut across to the {side} on a diagonal|cross the room diagonally {side}|
    cross the street on a diagonal to the {side}|walk to the front {side} corner|head for the corner on the {side}|
    walk toward the front-{side}|go forward and to {his} {side} side at the same time|slide over to the {side} on foot|
    move across to {his} {side} while going ahead|*walk ahead and gradually *shift to the {side}|
    walk forward but end up further {side}|walk with a {side}ward drift|veer off on a {side} diagonal|
    walk in a slanted line to the {side}|walk sideways and forward to the {side}|walk forty-five degrees to the {side}|
    go off at forty-five degrees to the {side}|make for something on {his} {side}|
    walk over to a friend on {his} {side}|walk to the table on {his} {side}|take a diagonal path to the {side}|
    take a diagonal line {side}|walk a {side} diagonal|do a diagonal walk {side}|
    *keep facing front and *walk off to the {side}|*keep {his} body straight and *walk diagonally {side}|
    walk in a line that slants {side}|walk along a {side} diagonal|go diagonally {side} without a turn|
    drift {side}wards|step out to the front and {side}|make a diagonal approach from the {side}|
    walk across toward the {side} side of the stage|strafe forward and {side}|strafe diagonally {side}|
    strafe ahead to the {side}|strafe {side} while going forward|slide forward and {side}|
        sidestep forward to the {side}|
    move {side} and ahead on foot|go ahead and {side} at the same time|advance to the front {side}|
    advance on a {side} diagonal|come forward and to the {side}|walk forward and sideways to the {side}|
    step forward and sideways to the {side}"""

_FACING = """while facing forward|while facing straight ahead|, facing front|without turning|without a turn|
    without turning {his} body|without rotating|, no turning|, body to the front|, body facing forward|
    , chest to the front|, shoulders square to the front|, hips facing ahead|with {his} body still pointing forward|
    with {his} chest facing forward|with {his} shoulders to the front|keeping {his} body straight|
        keeping {his} eyes ahead|
    keeping the same heading|still looking ahead|, looking straight ahead|but *keep facing forward|, never turning"""
_CURVING = """at the corner|round the corner|at the crossing|in a curve|in a wide curve|in an arc|by ninety degrees|
    by 90 degrees|on foot|at a walk|at walking pace|while walking|and *walk on|and *keep walking|and *continue|
    through a door|into the next street|into another corridor|along the bend"""

EVERYDAY: dict[str, EverydayPhrases] = {
    "walk": _phrases(
        """walk to the office|walk to school|go to work on foot|walk to the castle|walk home after work|
        walk through town|walk around town|take a relaxed stroll|go for a stroll|have a walk|have a little walk|
        walk the path to the door|walk to the bus stop|walk to the bar|walk towards the sunset|walk into the room|
        walk into the shop|walk on stage|walk down the aisle|walk down the catwalk|walk the runway|
        walk across the bridge|
        walk across the square|walk on a treadmill|walk the streets|walk on the beach|walk in the forest|
        cross the street|cross the hall|cross the yard|cross the stage|make {his} way to the exit|
        make {his} way through the crowd|make {his} way home|move along at an easy pace|
        move forward at a leisurely pace|
        go forward at walking pace|just walk|simply walk forward|keep on walking|walk on and on|walk away|walk off|
        walk up to the counter|walk up to the door|walk to a friend|walk toward {his} car|
        leave on foot|come closer on foot|come forward|come toward us|approach|approach the camera|approach the table|
        enter the room|enter the shop|head to the kitchen|head home|head to the door|head out|head over to the bar|
        march forward|march on|march ahead|stride across the hall|stride to the podium|stride down the corridor|
        wander through the streets|wander along|wander through the garden|roam the streets|tour the garden|
        patrol the yard|
        patrol a corridor|pace through the room|promenade|ramble along|hike along a trail|hike|trek ahead|plod along|
        trudge along|step forward one foot after the other|set off on foot|set off walking|be out for a walk|
        be on a walk|take {his} dog for a walk|walk {his} dog|go on {his} way|continue on {his} way|
        cover some ground on foot|move from here to there on foot|step up to the line|step out of the house""",
        tails="""to the office|to school|to the castle|to the bus stop|to {his} car|through town|through the crowd|
        into the shop|on stage|across the bridge|across the square|across the yard|on the beach|in the forest|
        with nobody around|with a purpose|on a sunny day|at an easy pace|one step after the other|toward the exit""",
    ),
    "run": _phrases(
        """run from danger|run from a bear|run from the police|run from a monster|run for {his} life|
        run out of the burning house|run out of the room|run out of the building|run to school|run to work|run home|
        run to the train|run to the station|run to {his} mother|run to the finish|run up the road|run in the park|
        run in the rain|run a race|run a marathon|run cross-country|run laps|run around the track|go on a run|
        be out for a run|go for a morning run|do {his} daily run|*be late and *run|hurry to the station|hurry home|
        hurry to catch the bus|rush to the door|rush to help|rush to the hospital|rush home|race down the street|
        race to the door|race a friend|chase a thief|chase a dog|chase the bus|chase after a ball|pursue someone|
        follow someone at a run|run after a thief|run after the bus|escape from a monster|escape|get away running|
        make a getaway|flee from danger|flee in panic|flee the scene|run in panic|run scared|run in fear|
        storm ahead|storm forward|dash to the door|dash across the street|hurtle along|*pick up the pace and *run|
        move at running speed|move quickly on foot|move along quickly|go faster than a walk|go forward at a run|
        run straight forward|run toward the goal|run toward the exit|run across the road|run across the yard|
        run through the forest|run through the streets|run like a soldier|run like a kid|run around|train for a race|
        leg it|take to {his} heels|sprint lightly|hasten to the door|speed along on foot""",
        tails="""to the train|to school|home|through the forest|through the streets|across the yard|for {his} life|
        from danger|from a bear|in the rain|in the park|toward the exit|to catch the bus|after the bus|around the track|
        toward the goal|up the road|out of the building""",
    ),
    "sprint": _phrases(
        """sprint for the finish|sprint for the bus|sprint for the door|sprint for the ball|sprint to the line|
        sprint to safety|sprint across the road|sprint over the field|sprint home|sprint the last metres|
        sprint at top speed|sprint all out|sprint with all {his} strength|sprint away from an explosion|
        sprint like a cheetah|sprint in the Olympics|be in a full sprint|go into a sprint|go into a full sprint|
        go at full speed|go flat out|go as fast as possible|run as fast as {his} legs can carry|
        run as quickly as possible|run the fastest {he} can|run at breakneck speed|run at lightning speed|
        run at the highest speed|run at top speed for the goal|run at full throttle|run like a bullet|
        run like lightning|
        run like a sprinter|run like hell|run {his} fastest|race for the line|race for the finish|race to win|
        rush at top speed|dash at top speed|dash at full speed|dash across the line|blaze down the track|
        rocket down the track|rocket forward|explode out of the blocks|tear down the road|tear down the street|
        tear across the field|pelt down the road|bolt for the door|bolt for the exit|bolt out of the room|
        speed down the track|speed ahead at a full run|steam ahead at full speed|put in a sprint|make a mad dash|
        make a mad sprint|make a fast break|go full sprint|do a hundred metre dash|do a full speed run|
        rush headlong|run for the win|barrel ahead at full speed""",
        tails="""to the finish|for the finish|for the ball|for the bus|to safety|to the line|over the field|
        across the road|like a champion|as if chased|at top speed|flat out|like a cheetah""",
    ),
    "walk_backward": _phrases(
        """back away from a dog|back away from the edge|back away from a monster|back away slowly|back out of the room|
        back out slowly|back up a few steps|back up slowly|back up carefully|back up while looking ahead|
        take a step back|take two steps back|take three steps back|take small steps backwards|take steps in reverse|
        step back from the fire|step back from the edge|step back in fear|step back to make room|step back slowly|
        step away while facing forward|retreat from an enemy|retreat in fear|retreat slowly|retreat carefully|
        retreat a few steps|give ground|fall back|fall back step by step|draw back in fear|shrink back step by step|
        recoil with a few steps|move back in fear|move back carefully|move back step by step|
        move in the reverse direction|
        walk the opposite way without turning|walk in rewind|walk as if time ran backwards|walk like a film in reverse|
        walk back to front|walk back facing the front|walk back while keeping {his} eyes ahead|walk heels first|
        walk away backwards|walk backwards away from danger|walk backwards without looking|
        walk backwards across the room|
        walk backwards down the street|walk backwards through the door|go back a few steps|go back step after step|
        go backward on foot|go into reverse|leave walking backwards|leave the room backwards|
        distance {self} by walking backwards|edge away backwards|edge back|inch backwards|creep backwards|
        put {his} feet behind one after the other|make room by stepping back|stagger backwards|stumble backwards|
        drift backwards|pull back on foot|moonwalk backwards on foot|walk rearwards|pace back facing ahead""",
        tails="""in fear|away from danger|from the edge|from the fire|carefully|while looking ahead|step after step|
        across the room|out of the room|down the street|a little|a few metres|with small steps""",
    ),
    "walk_left": _phrases(_DIAGONAL.replace("{side}", "left"), endings=_FACING),
    "walk_right": _phrases(_DIAGONAL.replace("{side}", "right"), endings=_FACING),
    "turn_left": _phrases(_TURN.replace("{side}", "left"), endings=_CURVING),
    "turn_right": _phrases(_TURN.replace("{side}", "right"), endings=_CURVING),
    "bow": _phrases(
        """bow after the show|bow after the concert|bow at the end|bow on stage|take a bow at the end of the play|
        take a bow on stage|take {his} bow|take the applause with a bow|bow to the queen|bow to the crowd|
        bow to the judges|
        bow to the master|bow to {his} teacher|bow to {his} opponent|bow to the emperor|bow to a guest|
        bow to {his} boss|
        bow in front of a guest|bow in front of the altar|bow before a fight|bow before the match|bow as in judo|
        bow like a butler|bow like a samurai|bow like an actor|bow in the Japanese style|bow very low|bow low|
        bow slightly|bow with respect|bow in gratitude|bow in apology|bow to apologise|bow to show gratitude|
        bow to greet|say sorry with a bow|say hello with a bow|say thanks with a bow|welcome guests with a bow|
        give a polite bow|give a little bow|give a deep bow|make a formal bow|make a courteous bow|
        perform a greeting bow|
        bend over respectfully|bend over politely|bend over at the hips|bend at the hips|bend the upper body forward|
        bend forward to greet|bend low before the king|bend from the waist|bend down in respect|
        lean {his} torso forward|
        tilt {his} upper body forward|tip forward from the waist|drop {his} head and shoulders in respect|
        lower {his} head|lower {his} head respectfully|lower {his} torso politely|lower {self} in a bow|
        fold at the waist|fold {his} body in half politely|show respect|show reverence|show {his} gratitude with a bow|
        pay {his} respects|pay homage|greet the master respectfully|greet the emperor|make a reverence|do a reverence|
        do a Japanese greeting|do a respectful greeting|acknowledge the applause|thank the audience|
        *put {his} hands at {his} sides and *bow|*stand straight, then *bow|*bend forward, then *stand upright|
        *bow and *come back up|kowtow while standing""",
        tails="""to the crowd|to the judges|to {his} teacher|to the queen|on stage|after the show|
        at the end of the show|
        before the match|like a butler|like a samurai|in gratitude|in apology|in front of everybody|very low|
        slightly""",
    ),
    "wave": _phrases(
        """wave to {his} neighbour|wave at {his} mother|wave at the teacher|wave at a train|wave at a plane|
        wave at a boat|
        wave at the children|wave to the fans|wave to the audience|wave to everyone|wave to say hi|wave to say goodbye|
        wave for a taxi|wave for help|wave for attention|wave from the window|wave from a boat|wave like a queen|
        wave like a kid|wave hi|wave cheerfully|say hi to the neighbours|say goodbye to a friend|say farewell|
        greet the neighbours|greet a friend|greet the crowd|greet {his} fans|signal for help|signal to the boat|
        signal to a driver|call attention with a wave|try to get someone's attention|flag down a taxi|flag down a car|
        hail a cab|stop a taxi with a wave|see someone off|send someone off with a wave|give a friendly wave|
        give a big wave|give a quick wave|give a little wave|do a hello gesture|do a goodbye gesture|
        make a bye-bye gesture""",
        """wave at {his} mother with {his} {side} hand|wave to the neighbour with the {side} hand|
        wave for a taxi with {his} {side} hand|wave hi with the {side} hand|wave at a train with {his} {side} arm|
        wave at the plane with {his} {side} arm|wave to {his} fans with {his} {side} hand|
        wave to the crowd with the {side} arm|wave cheerfully with {his} {side} hand|
        wave from the window with {his} {side} hand|
        greet the neighbour by waving {his} {side} hand|greet a friend by waving the {side} arm|
        greet with the {side} hand|greet the crowd with {his} {side} hand|say hello by waving {his} {side} hand|
        say farewell with {his} {side} arm|say goodbye by waving the {side} hand|
        see a friend off with {his} {side} hand|
        hail a cab with {his} {side} hand|hail a cab with the {side} arm|flag down a taxi with {his} {side} arm|
        flag down a bus with the {side} hand|signal for help with {his} {side} arm|signal to a boat with the {side} arm|
        give a {side} hand wave|give a wave of {his} {side} hand|give a wave of the {side} arm|do a {side} hand wave|
        do a {side} arm wave|make a {side}-handed wave|make a waving motion with {his} {side} hand|
        make a bye-bye gesture with {his} {side} hand|*put {his} {side} hand up and *wave it|
        *put up {his} {side} hand and *wave it about|*raise {his} {side} arm and *wave it from side to side|
        *hold {his} {side} hand high and *wave|swing {his} raised {side} hand to and fro|
        move {his} raised {side} hand from side to side|rock {his} {side} hand to and fro above {his} shoulder|
        shake {his} {side} hand at someone in greeting|wiggle {his} {side} hand hello|use {his} {side} hand to wave|
        use the {side} hand to say goodbye|use {his} {side} arm to wave hello|use only {his} {side} hand to wave""",
        """wave for help with both arms|wave at the plane with both arms|wave at a helicopter with both arms|
        wave at the crowd with both hands|wave to the fans with both hands|wave to everyone with two hands|
        wave with two arms for help|wave both hands for attention|wave both arms like a castaway|
        wave both arms to stop a car|wave both arms crosswise|wave both arms overhead|wave both arms wildly|
        wave both of {his} hands|wave both of {his} arms|wave hands left and right|wave with the two hands|
        wave two-handed|
        wave with left and right hand together|wave hello with two hands|wave goodbye with two hands|
        give a two-handed wave|give a wave with both hands|give a double wave|do a two-handed wave|do a two-arm wave|
        make a big wave with both arms|make a two-arm wave|signal for help with both arms|signal a plane with both arms|
        signal the helicopter with both hands|signal to the ship with both arms|flag down a truck with both arms|
        flag down a train with both hands|greet the fans with both hands|greet everyone with both arms in the air|
        say hello with both hands|say goodbye with both arms|say farewell with both hands|cheer by waving both arms|
        swing {his} arms to and fro overhead|swing both raised hands from side to side|
        move both arms from side to side above {his} head|*put both hands up and *wave them|
        *raise {his} arms and *wave them about|*hold up both hands and *wave|use both hands to wave|
        use both arms to get attention|shake both arms above {his} head|flail {his} arms to be seen""",
        limb="""wave|wave hello|wave goodbye|wave hi|wave in the air|swing from side to side in greeting|wave about|
        wave to the crowd|wave at someone|move from side to side in a wave|wag hello|do the waving""",
    ),
    "raise_hand": _phrases(
        """put {his} hand in the air|raise {his} hand to vote|raise {his} hand to speak|raise {his} hand in class|
        raise {his} hand to answer|raise {his} hand above {his} head|raise {his} hand to volunteer|
        put {his} hand up in class|
        vote by show of hand|ask for permission to speak|lift {his} hand up high|lift an arm over {his} head|
        point at the sky|point at the ceiling|reach for the sky|reach up to the ceiling|hold {his} arm up high""",
        """raise {his} {side} hand to vote|raise {his} {side} hand in class|raise {his} {side} hand to speak|
        raise {his} {side} hand to answer|raise {his} {side} hand to volunteer|raise {his} {side} hand high|
        raise {his} {side} hand above {his} head|raise {his} {side} hand over {his} head|raise {his} {side} hand slowly|
        raise {his} {side} arm overhead|raise {his} {side} arm to the sky|raise {his} {side} arm like a statue|
        raise {his} {side} fist|raise {his} {side} fist in the air|raise {his} {side} arm toward the ceiling|
        put {his} {side} hand up in class|put {his} {side} hand up to ask something|put {his} {side} hand high|
        put {his} {side} hand above {his} head|put {his} {side} arm over {his} head|put {his} {side} arm straight up|
        lift {his} {side} hand up|lift {his} {side} hand over {his} head|lift {his} {side} hand to be picked|
        lift {his} {side} hand toward the ceiling|lift {his} {side} arm high|lift {his} {side} arm straight up|
        lift {his} {side} arm to the sky|lift {his} {side} arm over the head|hold {his} {side} hand above {his} head|
        hold {his} {side} arm in the air|hold {his} {side} arm straight up|hold {his} {side} hand high|
        keep {his} {side} hand in the air|stick {his} {side} arm up|stretch {his} {side} hand to the ceiling|
        stretch {his} {side} arm overhead|stretch {his} {side} arm to the sky|reach for the sky with {his} {side} hand|
        reach for the ceiling with {his} {side} hand|reach up high with {his} {side} arm|
        reach for the top shelf with {his} {side} arm|reach overhead with the {side} hand|
        point at the sky with {his} {side} hand|point at the ceiling with {his} {side} hand|
        point {his} {side} arm upward|point {his} {side} hand at the stars|extend {his} {side} hand above {his} head|
        bring {his} {side} hand above {his} head|bring {his} {side} arm up over {his} head|move {his} {side} arm up|
        move {his} {side} arm above {his} head|swing {his} {side} hand up|swing {his} {side} arm overhead|
        shoot {his} {side} hand up|shoot {his} {side} arm into the air|send {his} {side} hand up|
        take an oath with {his} {side} hand up|volunteer with {his} {side} hand up|vote with {his} {side} hand|
        ask a question with {his} {side} hand up|answer with {his} {side} hand up|
        signal stop with {his} {side} hand up high|
        stand with {his} {side} arm up|stand with {his} {side} hand raised|get {his} {side} hand up|
        have {his} {side} hand up""",
        """raise both hands above {his} head|raise both hands to the sky|raise both hands to surrender|
        raise both hands in triumph|raise both hands overhead|raise both arms to the sky|raise both arms in victory|
        raise both arms in triumph|raise both arms to celebrate|raise both arms overhead|raise both fists|
        raise {his} hands in surrender|raise {his} hands to the sky|raise {his} hands above {his} head|
        raise {his} arms in victory|raise {his} arms to the sky|raise {his} arms to the ceiling|raise {his} arms high|
        put both hands above {his} head|put both hands in the air|put both arms up in the air|put {his} arms up|
        put {his} hands in the air|put {his} hands up as if arrested|put {his} hands up in surrender|
        put two hands up|put both arms over {his} head|lift both hands above {his} head|lift both hands to the ceiling|
        lift both hands to the sky|lift both arms overhead|lift both arms high|lift {his} hands up|
        lift {his} hands over {his} head|
        lift {his} arms up|lift two arms up|hold both hands in the air|hold both arms high|
        hold both hands above {his} head|
        hold up two hands|throw up both arms|throw {his} hands up|throw {his} arms up in joy|
        throw both arms into the air|
        throw both arms up in triumph|stretch both hands to the ceiling|stretch {his} arms overhead|
        stretch {his} arms up|
        reach for the sky with both hands|reach for the ceiling with both arms|reach up with two hands|
        reach overhead with both arms|
        surrender|give up with {his} hands in the air|surrender to the police|celebrate a goal with both arms up|
        celebrate victory with {his} arms up|cheer with both arms up|praise the sky with both hands|
        bring both hands above {his} head|bring both hands up|move both arms up|swing both arms up|
        swing both arms overhead|
        extend both arms overhead|point both arms at the sky|shoot both arms up|get both hands up|get {his} hands up|
        stand with both arms up|stand with {his} hands up|have both hands up|make a V with {his} arms overhead""",
        limb="""go up|rise|go up in the air|go up slowly|rise above the head|rise into the air|move up|move upward|
        shoot up|swing up|lift up|come up|be lifted|be raised|reach up|reach for the sky|stretch upward|point up|
        go over the head|go up high|fly up""",
    ),
    "kick": _phrases(
        """kick the door open|kick the door in|kick a man in the stomach|kick {his} enemy|
        kick {his} opponent in the chest|
        kick the villain|kick a zombie|kick a guard|kick a target in front|kick a pad|kick a tree|kick a wall|
        kick a can|
        kick a box|kick a stone|kick the ball|kick a ball away|give the ball a kick|kick {his} attacker|
        kick straight ahead|kick to the head|kick to the stomach|
        kick to the chest|
        kick to the ribs|kick to the face|kick to the knee|kick low|kick waist-high|kick up high|kick in the air|
        kick with power|kick with full force|kick as in karate|kick as in a dojo|kick as in kung fu|kick like a ninja|
        kick like Bruce Lee|kick like a karate master|kick like a footballer|kick like a mule|kick somebody away|
        kick somebody in the shin|kick somebody hard|kick at the enemy|kick at the air|kick at something|kick at a dog|
        do a high kick|do a low kick|do a powerful kick|do a kung fu kick|do a muay thai kick|do a roundhouse|
        do a push kick|
        do a snap kick|do a kick to the head|do a kick at the bag|do a fighting kick|do a kickboxing move|do kicks|
        give a strong kick|give somebody a kick|give the door a kick|give the ball a kick in the air|
        give the bag a kick|
        throw a roundhouse|throw a high kick|throw a front kick|throw a side kick|throw a low kick|throw a fast kick|
        throw a kick at the enemy|throw a kick at the head|throw a leg kick|land a kick on the bag|land a roundhouse|
        deliver a powerful kick|deliver a roundhouse|deliver a front kick|unleash a kick|fire off a kick|fire a kick|
        execute a kick|execute a front kick|launch a high kick|attack with {his} foot|attack with {his} leg|
        hit with {his} foot|hit an opponent with {his} foot|hit the bag with {his} foot|strike an enemy with {his} foot|
        strike with {his} leg|strike with {his} heel|swing {his} leg at an enemy|swing {his} leg forward and up|
        swing {his} leg|
        lash out with {his} leg|snap {his} leg out|thrust {his} leg forward|shoot {his} leg forward|
        *lift {his} leg and *kick|
        bring {his} leg up fast|boot the door|boot somebody|punt|stomp-kick the door|break a door with a kick|
        break a board with {his} foot|push someone away with {his} foot|fight with {his} feet|use {his} leg to hit|
        practise karate kicks|train kicks|kickbox|do one kick|spar with kicks|smash the door with {his} foot""",
        """kick the door with {his} {side} foot|kick the bag with {his} {side} leg|kick an enemy with {his} {side} foot|
        kick hard with the {side} foot|kick straight with {his} {side} leg|kick to the head with the {side} leg|
        do a roundhouse with the {side} leg|do a high kick with {his} {side} leg|do a side kick with the {side} foot|
        do a {side} kick|do a {side} leg kick|do a karate kick with {his} {side} foot|give a kick with the {side} leg|
        throw a {side} leg kick|throw a roundhouse with {his} {side} leg|throw a {side} high kick|
        use {his} {side} foot to kick|use {his} {side} leg to kick|strike with {his} {side} leg|
        strike with {his} {side} heel|
        hit someone with {his} {side} foot|snap {his} {side} leg out|shoot {his} {side} leg forward|
        swing {his} {side} foot at a target|bring {his} {side} leg up in a kick""",
        tails="""the door open|the door in|to the stomach|to the ribs|to the head|to the knee|at the enemy|
        at head height|
        in the air|with full force|like a ninja|as in a dojo|at a target|at the bag|in front|in anger|in a fight|
        like a karate master|in self-defence""",
        limb="""kick|kick out|kick forward|shoot out in a kick|snap out|swing up in a kick|strike|kick the air|
        fly up to kick|
        hit the target""",
    ),
    "punch": _phrases(
        """punch the wall|punch a pillow|punch {his} enemy|punch an enemy in the face|punch the villain|punch a zombie|
        punch a man in the stomach|punch somebody in the face|punch somebody on the nose|punch a pad|
        punch the heavy bag|
        punch a board|punch {his} attacker|punch straight out|punch straight ahead|punch quickly|punch fast|
        punch as in boxing|punch as in karate|punch as in a dojo|punch like a fighter|punch like a heavyweight|
        punch like Rocky|punch with power|punch with all {his} strength|punch in anger|punch at head height|
        punch at nothing|
        punch at the enemy|punch at the air|throw a fast punch|throw a hard punch|throw a strong punch|
        throw a quick jab|
        throw a punch at the face|throw a punch at the enemy|throw a punch at an opponent|throw a punch in anger|
        throw a jab at the head|throw a jab to the face|throw a cross to the chin|
        throw a fist|throw {his} fist forward|throw hands|do a jab|do a quick jab|do a jab and a cross|do an uppercut|
        do a hook|
        do boxing moves|do some boxing|do shadow boxing|do a karate punch|do a power punch|do punches|do a fist strike|
        deliver a blow|deliver a hard blow|deliver a knockout punch|deliver a jab|deliver an uppercut|land a jab|
        land a hook|land a blow on the chin|land a fist in the face|launch a punch|unleash a punch|fire a jab|
        fire off a punch|
        hit someone in the face|hit someone with {his} fist|hit an opponent in the stomach|hit the heavy bag|
        hit the pads|
        hit hard with a fist|hit out with a fist|hit out|strike a bag|strike an opponent with {his} fist|
        strike with {his} hand|
        strike a punching bag|attack with a punch|attack with {his} fist|swing at someone|swing a punch|
        swing {his} fist at someone|
        take a swing at somebody|lash out with a fist|give somebody a punch|give somebody a black eye|give a punch|
        give the bag a punch|box with an opponent|box in the ring|box the air|box as a sport|spar|spar with a partner|
        spar in the ring|fight with {his} fists|fight in a boxing ring|fight bare-knuckle|fist fight|beat the bag|
        beat someone up|bash someone|bash a bag with {his} fist|clobber someone|thump someone|smack someone with a fist|
        smash a fist into something|slam {his} fist forward|ram {his} fist forward|drive {his} fist into the bag|
        thrust {his} fist|jab at the face|jab at the air|jab forward|jab quickly|use {his} fists|practise punches|
        train punches|train for a boxing match|work the bag|pound the bag|knock someone down|
        knock out {his} opponent""",
        """punch the bag with {his} {side} hand|punch an enemy with {his} {side} fist|punch hard with the {side} hand|
        throw a quick {side} jab|throw a hard {side} hook|throw a {side} cross|throw a {side} uppercut|throw a {side}|
        do a {side} jab|do a {side} hook|do a {side}-hand punch|do a {side} straight punch|
        hit the bag with {his} {side} hand|
        hit someone with the {side} fist|strike forward with {his} {side} hand|deliver a {side} hook|
        give somebody a {side} hook|land a {side} hook|use {his} {side} fist to hit|use {his} {side} hand to punch|
        swing {his} {side} hand in a punch|lash out with {his} {side} fist|jab with {his} {side}|
        lead with a {side} jab""",
        tails="""the wall|at the face|at the enemy|to the face|to the stomach|to the chin|at head height|in the air|
        in front|in anger|with power|like a fighter|in a boxing ring|in a fight|at an opponent|with full force|
        with a fist|as in a dojo|in self-defence""",
        limb="""punch|punch forward|shoot forward in a punch|jab|jab forward|hit the bag|strike|fly forward|
        fly into the face""",
    ),
    "slash": _phrases(
        """slash with a katana|slash with a knife|slash with a saber|slash with a machete|slash with a lightsaber|
        slash at the monster|slash at a dragon|slash at a zombie|slash at the enemy with a sword|slash at the air|
        slash at the bushes|slash diagonally|slash from above|slash from top to bottom|slash from the shoulder|
        slash sideways|slash wildly|slash hard|slash across the body|slash like a knight|slash like a ninja|
        slash like a warrior|slash like a swordsman|slash through the ropes|slash a rope|slash a bamboo pole|
        slash {his} enemy|slash an enemy down|slash {his} sword|slash the air with a blade|
        swing a sword at an enemy|swing a sword at a dragon|swing a sword down|swing a sword hard|
        swing a sword in a duel|
        swing {his} sword|swing {his} blade|swing {his} weapon|swing {his} axe at the tree|swing a blade|swing a saber|
        swing a machete|swing a lightsaber|swing a club|swing a hammer down|swing a katana at the enemy|
        cut with a sword|cut with a katana|cut with {his} sword|cut with a knife|cut the rope with a sword|
        cut through the air with a blade|cut through the bushes|cut a bamboo pole|cut down an enemy|
        cut {his} enemy in two|
        cut from above with a sword|chop down with a blade|chop with an axe|chop at the enemy|chop wood with an axe|
        slice with a sword|slice an enemy with a blade|slice a melon with a sword|slice diagonally with a katana|
        slice the air with a sword|hack with a machete|hack at the bushes|hack at an enemy|hack at the monster|
        strike with a blade|strike with a katana|strike with {his} sword|strike an enemy with a sword|
        strike from above with a sword|
        strike down a foe|strike down an enemy with a sword|bring {his} sword down|bring a sword down on the enemy|
        bring down {his} blade|attack with a blade|attack with a knife|attack with a katana|
        attack an enemy with a sword|
        attack the dragon with a sword|fight with a katana|fight with a blade|fight in a sword duel|
        fight like a samurai|
        fight a dragon with a sword|duel with a sword|duel with swords|wield a blade|wield a katana|wield an axe|
        brandish a sword|do a sword cut|do a katana cut|do a sword swing|do sword training|do a sword strike|do kendo|
        do a kendo strike|do a blade attack|perform a sword cut|perform a blade strike|practise with a sword|
        practise sword cuts|practise kendo|train with a sword|train sword strikes|execute a sword cut|use a katana|
        use {his} sword on an enemy|use a blade|cleave an enemy|cleave something in two|behead a dragon|
        fell a tree with an axe|*draw {his} sword and *slash|lunge with a slash|make a sword attack|make a sword cut|
        sweep {his} sword across|sweep a sword through the air|carve through the air with a sword|
        whip a blade through the air""",
        """slash with a sword in {his} {side} hand|swing a sword with {his} {side} hand|cut with {his} {side} hand|
        swing a katana with {his} {side} arm|strike with a sword in {his} {side} hand|
        slash at the enemy with {his} {side} hand""",
        """slash with a sword in both hands|swing a katana with both hands|swing an axe with both hands|
        strike down with both hands on the sword|chop with an axe in both hands|bring a sword down with both hands""",
        tails="""with a sword|with a katana|with a blade|at the monster|at a dragon|at the enemy|from above|
        like a samurai|
        like a knight|in a duel|in battle|through the air""",
    ),
    "dance": _phrases(
        """dance hip hop|dance disco|dance salsa|dance to a song|dance to pop music|dance to techno|dance to the radio|
        dance at a wedding|dance at the club|dance at a disco|dance at a concert|dance at home|dance alone|
        dance in the kitchen|
        dance in the street|dance in the rain|dance in a music video|dance like a pop star|dance like Michael Jackson|
        dance like crazy|dance like a fool|dance like a teenager|dance for joy|dance for fun|dance for the crowd|
        dance the tango|dance the twist|dance the samba|dance a waltz|dance a jig|dance wildly|dance happily|
        dance in place|
        dance all night|*dance and *sing|do a hip hop dance|do a victory dance|do a TikTok dance|do a disco dance|
        do a silly dance|do a happy dance|do a funky dance|do a street dance|do a folk dance|do a salsa|do a jig|
        do a funny dance|do a dance move|do a dance performance|do a dance at a party|do a choreography|
        perform a hip hop dance|perform a dance on stage|perform dance moves|perform a dance solo|
        show {his} dance skills|
        show a dance|show some moves|bust a move|bust a groove|break out in dance|break into dance|start to dance|
        groove at the club|groove along|groove at a party|groove to music|groove to the beat|get {his} groove on|
        boogie at the disco|boogie down|rock out|rock to the music|rave|rave to techno|party on the dance floor|
        party hard|party to the music|move to the music|move to the beat|move {his} body to the music|
        move rhythmically|move to a song|step and clap to music|*sway and *step to the rhythm|swing {his} hips|
        swing to the music|shake it|shake {his} hips|shake {his} hips to the beat|shake {his} booty|shimmy|
        shuffle dance|
        twist to the music|twist and shout|wiggle to the music|have fun on the dance floor|hit the dance floor|
        celebrate with a dance|celebrate by dancing|freestyle|freestyle dance|rehearse a dance|practise a dance|
        learn a dance|audition as a dancer|cut loose on the dance floor|let loose to the music|
        *feel the rhythm and *dance|
        jam to the music|vogue|tap dance|line dance|breakdance upright|pop and lock|do the robot dance""",
        tails="""to the music|to a song|at a party|at a wedding|in the club|on stage|like crazy|for joy|for fun|
        with {his} whole body|all alone|in the kitchen|like a pop star|all night""",
    ),
    "jump": _phrases(
        """jump for the ball|jump for a rebound|jump over a puddle|jump over a log|jump over a rope|jump over a fence|
        jump over a box|jump rope|jump on a trampoline|jump like a frog|jump like a rabbit|jump like a kangaroo|
        jump like Mario|jump like a basketball player|jump like a kid|jump to touch the ceiling|jump to reach the shelf|
        jump to catch a ball|jump to see over the wall|jump to the sky|jump with joy|jump with both feet|
        jump with excitement|
        jump in excitement|jump in the air|jump in place|jump in surprise|jump in celebration|jump out of joy|
        jump off a box|
        jump up high|jump up in joy|jump up to the basket|jump up to grab something|jump up from a crouch|
        jump up from the ground|
        jump straight up|jump once|jump twice|jump a few times|jump again and again|jump repeatedly|jump a little|
        jump very high|jump a long way|jump across a gap|jump across a ditch|jump into a puddle|jump on a mushroom|
        do a high jump|do a big leap|do a little jump|do a small hop|do a hop|do a leap|do a long jump|
        do a jump for joy|
        do a standing jump|do a jump up|do a squat jump|do jumps|do jumping jacks|make a big jump|make a leap|
        make a high jump|
        make a little hop|take a big jump|take a jump|take a leap into the air|take off into the air|take off|
        give a little jump|give a hop|leap for joy|leap over a puddle|leap over a fence|leap over something|
        leap across a gap|
        leap off the ground|leap with joy|leap up to catch a ball|leap high|leap like a deer|leap forward|leap upward|
        hop over a rope|hop over something|hop in place|hop like a bunny|hop like a rabbit|hop on the spot|hop with joy|
        hop with both feet|hop in the air|hop twice|bounce on the spot|bounce like a ball|bounce on a trampoline|
        bounce in excitement|bound into the air|spring off the ground|spring upward|spring from a crouch|
        launch off the ground|launch into the air|push off the ground|push off with both feet|shoot up into the air|
        rise into the air with a jump|vault into the air|clear a hurdle|clear a fence|skip rope|
        get off the ground with both feet|get some air|go airborne|fly up in a jump|*squat down and *jump up|
        *bend the knees, then *leap|*swing {his} arms and *jump|*crouch, then *spring up""",
        tails="""for joy|with joy|for the ball|over a puddle|over a fence|over a log|like a frog|like a rabbit|
        like Mario|
        in excitement|in place|with both feet|off the ground|very high|twice|a few times|again and again|
        to touch the ceiling|to catch a ball""",
    ),
}

BODY: dict[str, tuple[str, ...]] = {
    "walk": words(
        """legs > carry {his} weight forward at a walk|feet > step forward one after the other|
        legs > move at a walking pace|
        steps > lead straight ahead|body > move forward at a walk|feet > stroll along"""
    ),
    "run": words(
        """legs > pump quickly|feet > pound the ground|feet > fly over the ground|arms and legs > pump in a run|
        legs > carry {his} body forward at a run|body > rush forward|feet > race ahead"""
    ),
    "sprint": words(
        """legs > move as fast as possible|feet > fly over the track at top speed|legs > go at full speed|
        arms and legs > pump in a full sprint|body > shoot forward at top speed|legs > sprint"""
    ),
    "walk_backward": words(
        """feet > step backwards one after the other|body > move back step by step|heels > go first|
        legs > walk in reverse|steps > lead backwards|back > lead the way|feet > back away"""
    ),
    "bow": words(
        """upper body > tilt forward|upper body > *tip forward and *come back up|torso > fold forward|
        upper body > dip in respect|
        torso > bend forward politely|torso > lean forward in greeting|back > bend in a bow|head > lower in respect|
        head and shoulders > dip in respect|upper body > go down and up again|hips > hinge in a bow|
        torso > lower politely"""
    ),
    "jump": words(
        """feet > leave the ground|feet > leave the floor together|both feet > leave the ground|
        both feet > push off the floor|
        body > shoot up into the air|whole body > fly up|legs > push off the ground|knees > bend, then push off|
        body > rise into the air|legs > spring up|feet > lift off|both feet > jump up"""
    ),
    "dance": words(
        """hips > sway to the music|hips > swing to the beat|feet > step to the beat|feet > tap to the rhythm|
        whole body > move to the beat|body > groove|body > move to the music|arms and legs > move to the music|
        arms > swing in a dance|feet > dance|body > shake to the beat|legs > dance"""
    ),
    "kick": words(
        """foot > fly up into the target|foot > hit a target in front|foot > snap forward|leg > swing up|
        leg > shoot out in a kick|
        leg > lash out|foot > strike the enemy|foot > hit the ball|leg > kick|foot > kick|leg > come up in a kick"""
    ),
    "punch": words(
        """fist > shoot forward|fist > fly into the target|fist > jab the air|fist > hit the bag|
        arm > thrust forward in a punch|
        fists > box the air|fist > strike|fists > fly|fist > land on the chin|hand > punch|arm > punch forward"""
    ),
    "slash": words(
        """sword > come down on the enemy|sword > cut through the air|sword > swing from above|
        blade > slice through the air|
        blade > sweep across|katana > cut diagonally|sword > slash|weapon > swing down|axe > come down|
        blade > flash down"""
    ),
    **{
        f"{action}_{side}": words(table.replace("{side}", side))
        for side in ("left", "right")
        for action, table in (
            (
                "turn",
                """path > curve to the {side}|path > bend {side}|route > go round to the {side}|
                steps > lead round to the {side}|
                body > turn {side} on the way|body > rotate {side} while walking|walk > curve to the {side}|
                feet > follow a curve to the {side}|walk > bend off to the {side}""",
            ),
            (
                "walk",
                """steps > drift to the {side}|path > slant to the {side}|
                body > move diagonally {side} while facing front|
                feet > go forward and to the {side}|walk > drift off to the {side}|walk > go diagonally {side}|
                steps > go diagonally to the {side}|body > shift to the {side} while walking on""",
            ),
        )
    },
}

for _action in list(EVERYDAY):
    _name, _, _side = _action.partition("_")
    # What is written for either side stands once in the file.
    _shared = {"walk": "diagonal", "turn": "turn"}.get(_name) if _side in ("left", "right") else None
    _tables = _from_file(_shared, _side) if _shared else _from_file(_action)
    EVERYDAY[_action] = _joined(EVERYDAY[_action], _tables)
    BODY[_action] = BODY.get(_action, ()) + _tables.get("body", ())
