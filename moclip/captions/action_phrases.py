# SPDX-License-Identifier: Apache-2.0
"""The words of the captions: for every canonical action its core phrases, in base form (see `moclip.captions.grammar`).

plain: said without a side. sided: need one hand, foot or direction. both: for two hands. tails: optional endings of a
short plain phrase (directions). endings: optional endings of any phrase. limb: what the named hand, arm, foot or leg
does itself ("go up"). body: what another part of the body or a thing held does: subject, `>`, verb phrase; an `s` or
`feet` makes a plural. instrument: "hand" or "foot" when a plain phrase may end with "with {his} left hand".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from moclip.captions.everyday_phrases import Tables, everyday_phrases
from moclip.captions.grammar import words
from moclip.captions.written import Written, without_clashes, written


@dataclass(frozen=True)
class ActionPhrases:
    """Phrases of one action; see the module's docstring."""

    plain: tuple[str, ...]
    sided: tuple[str, ...] = ()
    both: tuple[str, ...] = ()
    tails: tuple[str, ...] = ()
    instrument: str = ""
    styled: bool = True
    endings: tuple[str, ...] = ()
    limb: tuple[str, ...] = ()
    body: tuple[str, ...] = ()

    def joined(self, more: Tables) -> ActionPhrases:
        """These phrases first, then the others."""
        both: dict[str, Any] = {name: tuple(dict.fromkeys(getattr(self, name) + more[name])) for name in more}
        return replace(self, **both)


def _action(
    plain: str, sided: str = "", both: str = "", tails: str = "", instrument: str = "", styled: bool = True
) -> ActionPhrases:
    return ActionPhrases(words(plain), words(sided), words(both), words(tails), instrument, styled)


FORWARD = """forward|forwards|ahead|straight ahead|straight|in a straight line|straight forward|along a path|
    across the room|down the street|through the hall|along the road|towards the camera|a few steps|several steps|
    for a while|along|in one direction|up ahead|down a corridor|toward something|over there|on|
    to the door|to the window|over to a friend|into the kitchen|out of the house|home|past some people|past the shops|
    through the park|on the pavement|along the beach|across the lawn|to work|towards a table|up to the stage|
    around the block|out of the room|into the distance|along the river"""

ACTIONS: dict[str, ActionPhrases] = {
    "walk": _action(
        """walk|stroll|amble|stride|pace|saunter|take a walk|take a stroll|take a few steps|
        take several steps forward|go for a walk|step forward|move forward on foot|head forward at a walking pace|
        advance at walking speed|proceed on foot|walk along|walk in a straight line|keep walking|
        put one foot in front of the other|walk at a steady pace|travel on foot|make {his} way forward|
        go forward walking|walk towards something|tread along|walk across the floor|walk down the road|
        walk up to someone|approach someone on foot|move ahead with steady steps|start walking|begin to walk|
        go straight ahead on foot|take some steps ahead|wander ahead|walk from one side to the other|do a walk|
        continue walking|go walking|perform a walk|march along|come walking|walk over|go on foot|walk normally|
        make a few strides|move along at a walk|walk toward the other side of the room|journey on foot|stroll along|
        step along|walk past|cross the room on foot|move forward step by step""",
        tails=FORWARD,
    ),
    "run": _action(
        """run|dash|race|rush|hurry|run along|go for a run|go running|move at a run|take off running|break into a run|
        run fast|run across the field|hasten|scurry|trot|lope|run for the bus|hurry along at a run|
        run in a straight line|run a few metres|start running|keep running|run at speed|rush ahead|run off|run away|
        run after something|move forward quickly by running|run towards something|run down the track|begin to run|
        continue running|run up to someone|do a run|run to the other side|rush forward on foot|take a run|run quickly|
        run a short distance|hurry forward|run at a good pace|run from one end to the other|flee|chase someone|
        come running|run over|run through the park|do some running|run to catch a train|run a lap|move fast on foot|
        run as if late|escape on foot""",
        tails=FORWARD,
    ),
    "sprint": _action(
        """sprint|dash|bolt|run at full speed|run as fast as possible|race at top speed|tear along|make a dash|
        do a sprint|run flat out|run very fast|hurtle forward|rush at full speed|charge ahead|shoot forward|
        break into a sprint|run like the wind|zoom ahead|burst into a sprint|sprint like a racer|
        run the hundred metres|run at maximum pace|put on a burst of speed|race off|zip ahead|run hard|
        run at full tilt|speed off|make a run for it|dart ahead|dash off|go sprinting|sprint down the track|
        charge at someone|run with all {his} might|run at great speed|fly down the street|run extremely quickly|
        start sprinting|keep sprinting|rush off at a sprint|run like an athlete in a race|dash for the finish line|
        go all out in a run|run really fast""",
        tails="""forward|ahead|straight ahead|in a straight line|down the track|across the field|away|off|
        for a few seconds|along|up the road""",
    ),
    "jog": _action(
        """jog|go for a jog|go jogging|run slowly|run at an easy pace|trot|jog along|take a light run|run gently|
        run at a gentle pace|jog down the path|do a light jog|run leisurely|lope along|jog around|
        jog in a straight line|run at a relaxed pace|trot along|keep jogging|start jogging|run for exercise|
        move at a jog|jog as a warm-up|run lightly|jog steadily|run at a slow speed|begin to jog|continue jogging|
        jog through the park|bounce along at a jog|run in a relaxed way|do some jogging""",
        tails=FORWARD,
    ),
    "walk_backward": _action(
        """walk backward|walk backwards|step backward|step backwards|back up|back away|move backward|move backwards|
        walk in reverse|retreat|take a few steps back|take several steps backward|step back|pace backwards|
        walk back without turning round|go backwards|move back|retreat step by step|reverse|walk rearward|back off|
        stroll backwards|go in reverse|move away backwards|withdraw walking backwards|
        walk away from the camera facing it|take steps back|make {his} way backwards|tread backwards|
        walk with {his} back first|keep walking backwards|start walking backward|back slowly away from something|
        retreat on foot|march backwards|move in reverse on foot|walk backward in a straight line|shuffle backwards|
        travel backwards|edge backwards|draw back a few steps|walk the wrong way round|walk in the backward direction|
        move to the rear|step away backwards""",
    ),
    "walk_left": _action(
        """walk diagonally to the left|walk forward and drift to the left|move diagonally left|walk towards the left|
        walk to the left|step diagonally left|stroll diagonally to the left|walk forward veering left|
        head off to the left|drift left while walking|walk at an angle to the left|walk ahead and to the left|
        walk leftward|walk left|go forward on a diagonal to the left|walk forward-left|advance diagonally to the left|
        move forward and to the left|walk toward the left side|walk slanting left|stride off to the left|
        walk over to the left|wander to the left|make {his} way diagonally left|pace diagonally left|
        walk in a diagonal line to the left|move left on foot|walk in the left direction|go left|bear left|
        walk off to the left side|shift left while walking|take diagonal steps to the left|
        approach something on the left|travel left on foot""",
    ),
    "walk_right": _action(
        """walk diagonally to the right|walk forward and drift to the right|move diagonally right|
        walk towards the right|walk to the right|step diagonally right|stroll diagonally to the right|
        walk forward veering right|head off to the right|drift right while walking|walk at an angle to the right|
        walk ahead and to the right|walk rightward|walk right|go forward on a diagonal to the right|
        walk forward-right|advance diagonally to the right|move forward and to the right|walk toward the right side|
        walk slanting right|stride off to the right|walk over to the right|wander to the right|
        make {his} way diagonally right|pace diagonally right|walk in a diagonal line to the right|move right on foot|
        walk in the right direction|go right|bear right|walk off to the right side|shift right while walking|
        take diagonal steps to the right|approach something on the right|travel right on foot""",
    ),
    "bow": _action(
        """bow|take a bow|bend forward politely|bow down|make a bow|give a bow|bow {his} head|bow respectfully|
        bend at the waist|lean forward in a bow|bow to someone|bow deeply|bow in greeting|greet someone with a bow|
        bow to the audience|bow politely|bend over to bow|incline the upper body|lower {his} head and torso|
        fold forward at the hips|show respect with a bow|perform a bow|do a bow|bow forward|bow in thanks|
        *bow and *straighten up|dip into a bow|curtsy|thank someone with a bow|bow from the waist|
        apologise with a bow|make a deep bow|hinge forward at the waist|*bend down and *come back up|
        greet respectfully by bowing|pay respect by bowing|salute with a bow|bow once|bow the Japanese way|
        bow before the king|lower {his} upper body to show respect|bend {his} torso forward|bow to say thank you|
        execute a formal bow""",
    ),
    "wave": _action(
        """wave|wave hello|wave goodbye|say hi with a wave|signal with a wave|greet someone with a wave|
        wave to a friend|wave at someone|wave at the camera|give a wave|say goodbye with a wave|say hello|
        wave to get attention|wave to the crowd|greet someone|wave bye-bye|bid farewell|make a waving gesture|
        wave at the people|greet with a wave|wave in greeting|send a greeting|wave farewell|wave from a distance|
        do a wave|start waving|keep waving|gesture goodbye|say bye|signal to somebody|flag someone down|
        wave at a passing car|motion hello|stand there waving|wave to someone far away|wave back|hail a taxi|
        acknowledge somebody with a wave|bid goodbye|wave repeatedly|wave in a friendly way|offer a wave""",
        """wave {his} {side} hand|wave {his} {side} arm|wave with {his} {side} hand|wave using the {side} arm|
        *raise {his} {side} hand and *wave|*lift {his} {side} arm and *wave it|*hold up {his} {side} hand and *wave|
        swing {his} {side} hand in greeting|shake {his} {side} hand in the air|
        move {his} {side} hand from side to side|wave hello with {his} {side} hand|
        wave goodbye with {his} {side} hand|waggle {his} {side} hand to say hi|flap {his} {side} hand|
        gesture hello with the {side} hand|wave the {side} hand in the air|say goodbye with the {side} hand|
        say hi with {his} {side} hand|give a {side}-handed wave|wave {side}-handed|
        move the {side} arm back and forth to greet someone|wag {his} {side} hand at somebody|
        signal with the {side} hand|swing {his} {side} arm left and right in the air|
        wave at a friend with the {side} arm|greet someone with the {side} hand|wave just the {side} hand|
        wave only with {his} {side} arm|*stick out {his} {side} hand and *wave""",
        """wave both hands|wave both arms|wave with both hands|wave {his} arms|wave {his} arms in the air|
        wave two hands|*raise both hands and *wave|wave both arms over {his} head|wave hello with both hands|
        wave goodbye with both arms|signal with both arms|swing both arms in the air|shake both hands in the air|
        wave with {his} left and right hands|flap both hands|wave {his} hands|move both hands from side to side|
        wave using both arms at once|flag someone down with both arms|wave the two arms together|
        *lift {his} arms and *wave|say bye with both hands|greet the crowd with both arms|wave wildly with two hands|
        wave {his} hands around|wave both palms""",
        instrument="hand",
    ),
    "raise_hand": _action(
        """raise a hand|raise {his} hand|raise {his} arm|put {his} hand up|put a hand up|lift {his} hand|lift an arm|
        hold {his} hand up|hold a hand in the air|stick {his} hand up|raise a hand to ask a question|reach up|
        reach up with one hand|bring {his} hand up|put one arm in the air|lift one hand above the shoulder|
        raise {his} hand like a student|*raise a hand and *lower it again|reach for something above|
        extend an arm upward|point upward with one hand|elevate one arm|move one hand up|stretch an arm up|
        hold up one arm|throw a hand up|volunteer by raising a hand|raise one arm""",
        """raise {his} {side} hand|raise {his} {side} arm|put {his} {side} hand up|put up {his} {side} arm|
        lift {his} {side} hand|lift {his} {side} arm|hold {his} {side} hand up|hold up the {side} arm|
        stick {his} {side} hand in the air|reach up with {his} {side} hand|reach up with the {side} arm|
        bring the {side} hand up|raise the {side} hand to ask a question|put {his} {side} arm in the air|
        lift the {side} hand above {his} head|raise the {side} hand like a student in class|
        *raise {his} {side} hand and *put it down|*lift the {side} arm and *lower it|extend {his} {side} arm upward|
        stretch {his} {side} arm up|elevate the {side} arm|move {his} {side} hand up|throw {his} {side} hand up|
        point up with {his} {side} hand|have {his} {side} hand raised|swing the {side} arm upwards|
        raise up the {side} hand|lift up {his} {side} arm|bring {his} {side} arm overhead|
        take {his} {side} hand up high|raise only the {side} arm|reach for a high shelf with the {side} hand|
        thrust the {side} hand skyward""",
        """raise both hands|raise both arms|put {his} hands up|put both hands up|lift both hands|lift both arms|
        hold both hands up|put {his} arms in the air|raise {his} arms|raise {his} hands|raise two hands|
        throw {his} arms up|throw both hands in the air|reach up with both hands|stretch both arms up|
        bring both arms overhead|surrender with hands up|lift {his} arms above {his} head|
        raise {his} left and right arms|raise both arms at the same time|*raise both hands and *lower them|
        celebrate with both arms up|hold {his} arms up in victory|extend both arms upward|elevate both arms|
        stick both hands in the air|raise up both hands|lift up both arms|cheer with raised arms|
        give up with both hands in the air|put {his} two hands above {his} head""",
        instrument="",
    ),
    "kick": _action(
        """kick|throw a kick|do a front kick|give a kick|kick forward|kick the air|perform a kick|deliver a kick|
        kick something|kick high|kick out|kick at a target|do a martial arts kick|do a karate kick|launch a kick|
        land a kick|attack with a kick|strike with the foot|kick an enemy|kick an opponent|kick a door|kick the bag|
        practise kicks|swing a leg up in a kick|boot something|thrust a foot forward|fight by kicking|
        lash out with a foot|*step in and *kick|make a kicking motion|*raise a leg and *kick|kick hard|do a side kick|
        do a taekwondo kick|kick someone in front|kick repeatedly|snap a kick|try to kick somebody|hit with the foot|
        start kicking|kick like a fighter|kick the ball hard|kick a football|strike a ball with the foot|boot a ball|
        take a penalty kick|take a free kick|shoot at the goal|shoot a soccer ball|kick a ball as far as possible|
        do a soccer kick|kick a can away|punt a ball""",
        """kick with {his} {side} leg|kick with {his} {side} foot|throw a {side} kick|
        do a front kick with the {side} leg|swing {his} {side} leg in a kick|*lift the {side} leg and *kick|
        strike with {his} {side} foot|kick forward with the {side} foot|kick {his} {side} leg out|
        kick using the {side} leg|deliver a kick with {his} {side} leg|kick high with {his} {side} leg|
        snap the {side} foot forward|launch a {side} leg kick|thrust {his} {side} foot forward|
        *raise {his} {side} knee and *kick|land a kick with the {side} foot|attack with the {side} foot|
        boot something with {his} {side} foot|hit a target with the {side} foot""",
        instrument="foot",
    ),
    "punch": _action(
        """punch|throw a punch|punch forward|box|jab|throw a jab|punch the air|throw some punches|shadow-box|
        deliver a punch|hit with a fist|strike with a fist|punch someone|punch a bag|do a boxing punch|throw a hook|
        swing a fist|attack with {his} fists|fight with punches|land a punch|punch an opponent|strike a blow|
        perform a punch|hit something in front|do a straight punch|throw a cross|thrust a fist forward|
        practise boxing|do karate punches|punch hard|punch repeatedly|hit an enemy|throw an uppercut|
        make a punching motion|launch a fist|punch like a boxer|hit a punching bag|knock someone out with a punch|
        start punching|fight like a boxer|slug somebody|sock someone""",
        """punch with {his} {side} hand|punch with {his} {side} fist|throw a {side} punch|throw a {side} hook|
        throw a {side} jab|strike with {his} {side} fist|jab with the {side} hand|hit with {his} {side} fist|
        swing {his} {side} fist|thrust {his} {side} fist forward|deliver a {side} cross|punch using the {side} arm|
        throw a punch with {his} {side} arm|box with the {side} hand|land a {side}-handed punch|
        punch forward with the {side} arm|attack with the {side} fist|extend the {side} arm in a punch|
        drive the {side} fist forward|throw a {side} straight""",
        """punch with both hands|throw punches with both fists|box with both hands|throw alternating punches|
        throw a one-two|punch left and right|hit with both fists|throw a combination of punches|jab with both hands|
        swing both fists|punch with {his} left and then {his} right hand""",
        instrument="hand",
    ),
    "slash": _action(
        """slash|swing a sword|slash with a sword|cut with a blade|slice through the air|swing a weapon|
        attack with a sword|do a sword slash|strike with a sword|hack at something|wield a sword|slash downwards|
        chop with a sword|swing a katana|make a cutting motion|fight with a sword|slice with a knife|
        perform a sword swing|cut diagonally|sweep a blade|swing a bat-like weapon|slash at an enemy|
        strike down with a weapon|practise sword fighting|cleave the air|make a slashing attack|cut down an opponent|
        swing a blade from side to side|lash out with a sword|slash like a samurai|do a sweeping strike|swing an axe|
        fence with a sword|swipe with a weapon|carry out a slash attack|use a sword""",
        """slash with {his} {side} hand|swing a sword with {his} {side} arm|cut with a blade in {his} {side} hand|
        strike with a weapon in the {side} hand|swing {his} {side} arm in a slash|slice with the {side} hand|
        swing a sword held in the {side} hand|slash {side}-handed|make a cutting motion with the {side} arm|
        swipe with {his} {side} arm""",
        """slash with both hands|swing a sword with both hands|swing a two-handed sword|
        cut with a blade held in both hands|strike with a weapon in both hands|
        *grip a sword in two hands and *slash""",
        instrument="hand",
    ),
    "dance": _action(
        """dance|do a dance|dance to the music|perform a dance|boogie|groove|move to the rhythm|dance around|
        bust some moves|dance on the spot|do a dance routine|do some dance moves|dance freely|sway to the music|party|
        dance in a club|shake {his} body|do hip hop moves|dance at a party|*swing and *dance|step to the beat|
        *twirl and *dance|get down on the dance floor|show off dance moves|jive|dance with arm movements|
        perform choreography|do a little dance|start dancing|keep dancing|dance the night away|
        move {his} hips to the music|dance on stage|do a jazz dance|have a dance|strut {his} stuff|
        *step and *sway to music|dance with {his} whole body|groove to a song""",
    ),
    "guide": _action(
        """guide someone|show the way|point the way|usher someone|gesture this way please|
        lead someone with a hand gesture|invite someone in|direct a guest|indicate the direction|
        show someone where to go|point someone in the right way|make a guiding gesture|extend an arm to show the way|
        welcome someone in|gesture toward a door|show a guest in|motion for someone to go ahead|
        present something with one arm|offer the way with a sweep of the arm|guide a visitor|give directions|
        gesture come this way|point out the route|steer visitors with a hand gesture|wave someone through|
        conduct a guest to the side|act as a tour guide|usher a guest along|hold out an arm to guide people|
        indicate the way like a receptionist|gesture after you|show somebody to a seat""",
        """guide someone with {his} {side} hand|show the way with {his} {side} arm|point the way with the {side} hand|
        usher someone with {his} {side} arm|extend {his} {side} arm to show the way|
        gesture this way with the {side} hand""",
        """guide someone with both hands|show the way with both arms|usher someone with both hands""",
        instrument="hand",
    ),
    "respond": _action(
        """respond to a call|answer someone|respond|reply with a gesture|react to being called|answer a call|
        respond to someone|reply to somebody|react to a voice|turn to answer someone|acknowledge someone|answer back|
        gesture in reply|respond with a gesture|respond when called|give an answer|give a response|
        react when somebody calls|reply to a shout|respond to a greeting|answer with a raised hand|
        signal yes to a caller|let someone know {he} heard|gesture a reply|reply with {his} arms|react to a question|
        respond to the crowd|make a responding gesture""",
        """respond with {his} {side} hand|answer someone with {his} {side} hand|reply with the {side} arm|
        acknowledge a call with {his} {side} hand""",
        """respond with both hands|answer with both arms|reply with both hands""",
    ),
    "call": _action(
        """call someone over|beckon|call out to someone|beckon someone|call a friend|call somebody|shout to someone|
        gesture come here|summon someone|call for someone with a hand by the mouth|motion someone to come closer|
        call out|invite someone closer|yell to a friend|signal someone to come|call out loudly|wave someone over|
        call a person from afar|hail a friend|get somebody's attention|*cup a hand and *call|beckon a friend over|
        gesture for someone to approach|call the waiter|tell someone to come here|summon a friend with a gesture|
        shout across the street|ask someone to come over|call to somebody in the distance|make a come-here gesture""",
        """beckon with {his} {side} hand|call someone over with {his} {side} hand|
        gesture come here with the {side} arm|summon someone with the {side} hand""",
        """beckon with both hands|call someone over with both arms|gesture come here with both hands""",
    ),
    "jump": _action(
        """jump|hop|leap|jump up|jump up and down|jump into the air|do a jump|leap into the air|jump forward|
        spring up|bounce|jump high|take a leap|hop up|*crouch and *jump|jump off the ground|vault upward|bound upward|
        make a jump|jump on the spot|leap up|hop on both feet|jump over something|launch {self} into the air|
        do a vertical jump|jump for joy|spring into the air|*bend {his} knees and *jump|perform a jump|
        hop up and down|*jump and *land|take off with both feet|jump as high as possible|bounce up and down|
        jump over an obstacle|leap off the floor|hop once|give a jump|do a big jump|jump to reach something""",
    ),
    "backflip": _action(
        """do a backflip|backflip|perform a backflip|flip backward|flip backwards|do a back somersault|
        do a backward flip|jump into a backflip|*jump and *flip backwards|do a back tuck|
        do a backward somersault in the air|somersault backwards|throw a backflip|land a backflip|execute a backflip|
        turn over backwards in the air|flip over backwards|make a back flip|do an acrobatic backflip|
        *leap up and *rotate backwards|do a standing backflip|do a reverse somersault|spin backwards in the air|
        pull off a backflip|attempt a backflip|do a gymnastic back flip|rotate backward through the air|
        tumble backwards in the air""",
        styled=False,
    ),
    "cartwheel": _action(
        """do a cartwheel|cartwheel|perform a cartwheel|turn a cartwheel|cartwheel sideways|do cartwheels|
        wheel over on {his} hands|make a cartwheel|go hand over hand in a cartwheel|execute a cartwheel|
        do a gymnastic cartwheel|flip sideways over {his} hands|*put {his} hands down and *cartwheel|
        do a sideways handspring|roll sideways like a wheel on hands and feet|try a cartwheel|throw a cartwheel|
        tumble sideways over {his} hands|cartwheel across the floor|do a perfect cartwheel|
        spin like a wheel on {his} hands|turn sideways upside down onto {his} hands|rotate sideways on the hands|
        kick over into a cartwheel|attempt a cartwheel|go into a cartwheel|do one cartwheel""",
        styled=False,
    ),
    "crawl": _action(
        """crawl|crawl on hands and knees|crawl forward|crawl along the floor|move on all fours|crawl like a baby|
        creep on the ground|go on hands and knees|crawl on the ground|walk on all fours|get about on hands and knees|
        crawl under something|move forward on hands and knees|crawl through a tunnel|drag {self} along the ground|
        crawl ahead|crawl across the room|start crawling|keep crawling|scramble on all fours|
        travel on hands and knees|shuffle along on {his} knees and hands|crawl low to the ground|
        make {his} way forward on all fours|crawl toward something|inch forward on hands and knees|
        crawl like an infant|move on {his} hands and feet close to the floor""",
        styled=False,
    ),
    "roll": _action(
        """roll|roll forward|do a forward roll|roll on the ground|do a somersault|somersault forward|tumble forward|
        roll over|do a roll|perform a roll|roll along the floor|dive into a roll|*tuck in and *roll|
        do a shoulder roll|roll head over heels|make a forward roll|execute a forward roll|do a combat roll|
        dodge-roll|*crouch and *roll forward|roll across the floor|go into a roll|do a gymnastic roll|
        somersault on the ground|roll over {his} shoulder|evade with a roll|do a ninja roll|turn a somersault|
        *dive down and *roll|roll like a ball""",
        styled=False,
    ),
    "spin": _action(
        """spin|spin around|turn around in a circle|twirl|do a spin|rotate on the spot|whirl around|pirouette|
        do a pirouette|turn all the way around|spin in place|make a full turn|do a 360|spin on one foot|
        rotate {his} body|revolve|turn in a full circle|twirl like a dancer|whirl|spin like a top|do a full spin|
        turn 360 degrees|swivel around|gyrate|spin round and round|perform a spin|make a spin|pivot all the way round|
        do a ballet turn|spin once|twirl around|go round in a circle on the spot""",
        styled=False,
    ),
    "spin_kick": _action(
        """do a spin kick|spin-kick|do a spinning kick|*spin and *kick|do a roundhouse kick|kick while spinning|
        *turn around and *kick|perform a spinning kick|do a turning kick|throw a spinning kick|do a flying spin kick|
        *jump, *spin and *kick|whirl into a kick|do a spinning back kick|execute a roundhouse kick|
        deliver a spinning kick|roundhouse-kick|do a tornado kick|do a reverse turning kick|kick with a spin|
        *twirl and *kick|*rotate and *kick high|land a roundhouse kick|attack with a spinning kick|
        do a hook kick with a spin|kick around in a circle|do a 360 kick""",
        styled=False,
    ),
    "side_flip": _action(
        """do a side flip|flip sideways|perform a side flip|do a sideways flip|side-flip|flip to the side|
        do a side somersault|*jump and *flip sideways|do an aerial|do a sideways somersault in the air|
        somersault sideways|throw a side flip|land a side flip|execute a side flip|turn over sideways in the air|
        make a side flip|do an acrobatic side flip|*leap up and *rotate sideways|jump into a side flip|
        do a no-handed cartwheel|do a side aerial|rotate sideways through the air|spin sideways in the air|
        pull off a side flip|attempt a side flip|do a flip over the side|do a lateral flip""",
        styled=False,
    ),
    "sneak": _action(
        """sneak|tiptoe|creep|sneak around|move stealthily|walk stealthily|creep forward|sneak forward|walk quietly|
        prowl|tiptoe forward|skulk|walk like a thief|sneak up on someone|move silently|slink|walk on {his} toes|
        walk crouched|creep along without a sound|steal forward|sneak like a burglar|sneak past somebody|
        walk like a ninja|crouch-walk|tread softly|pussyfoot|stalk something|slip away quietly|
        walk with careful quiet steps|walk carefully|move with stealth|step carefully so as not to be heard|
        lurk forward|pad along softly""",
        styled=False,
    ),
    "zombie_walk": _action(
        """walk like a zombie|do a zombie walk|shamble like a zombie|stagger like the undead|
        lurch forward like a zombie|shuffle like a zombie|move like a zombie|stumble along like a zombie|
        drag {his} feet like a zombie|walk as a zombie|lumber like a monster|walk like the living dead|
        imitate a zombie|act like a zombie|stagger forward with arms out|walk stiffly with outstretched arms|
        pretend to be a zombie|limp like a zombie|shamble forward|walk like a corpse|walk like a ghoul|
        plod like the undead|walk in a horror film zombie style|totter like a zombie|
        reel forward like the walking dead|walk like an undead creature|be a zombie""",
        styled=False,
    ),
    "basketball_dribble": _action(
        """play basketball|dribble a basketball|bounce a basketball|shoot a basketball|shoot hoops|throw a basketball|
        dribble a ball with {his} hand|*dribble and *shoot|take a jump shot|make a layup|pass a basketball|
        dribble the ball forward|shoot the ball into the basket|practise basketball|bounce a ball|dunk a basketball|
        run while dribbling a basketball|play hoops|handle a basketball|take a free throw|move with a basketball|
        dribble down the court|throw the ball at the hoop|play with a basketball|catch a basketball|
        do basketball moves|*fake and *shoot a basketball|bounce the ball on the floor|dribble with one hand|
        dribble up the court|do a dribbling drill|keep the ball bouncing|walk while bouncing a ball|
        show some ball handling|dribble on the spot|dribble past an opponent|bounce a ball with {his} palm|
        dribble low to the ground""",
        styled=False,
    ),
    "basketball_signals": _action(
        """give basketball signals|make referee signals|signal like a basketball referee|
        do basketball referee gestures|act as a basketball referee|referee a basketball game|
        make basketball hand signals|show referee hand signals|signal a foul|signal a travelling violation|
        call a foul in basketball|gesture like a referee|demonstrate basketball referee signals|signal a time-out|
        signal three points|officiate a basketball match|make official signals for basketball|
        umpire a game with hand signals|do the signs of a referee|give a foul signal with {his} arms|
        perform basketball signals|show the signals of a basketball official|signal to the players|
        direct a game as referee|use referee gestures|make arm signals like a referee""",
        styled=False,
    ),
    "direct_traffic": _action(
        """direct traffic|direct the traffic|control traffic|guide cars with hand signals|signal to cars|
        stop traffic with a hand|act as a traffic officer|give traffic signals|direct cars|wave cars through|
        regulate traffic|conduct traffic|make traffic police gestures|signal drivers to stop|point cars onward|
        gesture like a traffic cop|stand at a crossing directing traffic|guide vehicles|make hand signals for traffic|
        manage the traffic|work as a traffic policeman|halt the cars|tell drivers where to go|motion traffic along|
        signal stop and go to cars|direct vehicles at an intersection|use arm signals to direct cars""",
        styled=False,
    ),
    "stand": _action(
        """stand|stand still|stand in place|wait|stand there|remain standing|do nothing|be idle|idle|stand around|
        pause|stay in place|stay still|stand upright|stand motionless|wait for someone|stand quietly|
        rest on {his} feet|hold still|keep still|stand without moving|just stand|stand on the spot|remain still|
        stay put|stand idle|wait for a moment|stand at ease|stand up straight|loiter|hang around""",
    ),
}

_TURNS = """turn {side}|turn to the {side}|turn {side} while walking|*walk and *turn to the {side}|
    walk in a curve to the {side}|*walk forward and *turn {side}|make a {side} turn|take a {side} turn|take a {side}|
    walk around a corner to the {side}|curve to the {side}|turn toward {his} {side}|walk while turning {side}|
    *walk and then *turn {side}|veer {side}|swing round to the {side}|round a corner to the {side}|
    walk in an arc to the {side}|walk in a {side} circle|make a {side}-hand turn|turn {side} at the corner|
    change direction to the {side}|walk a curve bending {side}|*stroll and *turn {side}|follow a bend to the {side}|
    go {side} at the corner|walk turning to {his} {side}|circle to the {side}|
    *turn {his} body to the {side} and *walk on|bend {his} path to the {side}|wheel {side}|loop round to the {side}|
    make a turn to the {side} while walking|turn off to the {side}|steer {side} while walking|
    *walk ahead then *turn {side}|head round to the {side}|hang a {side}|do a {side} turn while walking|
    turn {side} on foot|walk along a {side} bend|*pivot {side} and *keep walking"""
for _side, _clock in (("left", ("counterclockwise", "anticlockwise")), ("right", ("clockwise",))):
    _circles = [f"walk {clock}|walk in a circle {clock}|walk {clock} in a curve" for clock in _clock]
    ACTIONS[f"turn_{_side}"] = _action("|".join([_TURNS.replace("{side}", _side), *_circles]))
ACTIONS.update({name: ACTIONS[name].joined(more) for name, more in everyday_phrases().items()})

_ONE_LEG = re.compile(r"\b(?:one|a single|one single) (leg|foot)\b")
_OTHER_LEG = re.compile(r"\b(?:hold up|lift|keep one foot off|off the ground)\b")
_SIDE_WAYS = {
    "leg": words("on {his} {side} leg|on the {side} foot|on {his} {side} foot|on the {side} leg"),
    "foot": words("with {his} {side} leg|with the {side} foot|with {his} {side} foot|, {side} leg|, {side} foot"),
    "hand": words("with {his} {side} hand|with the {side} hand|with {his} {side} arm|, {side} hand"),
    "way": words("to the {side}|to {his} {side}|towards the {side}|{side}"),
}
_SIDE_OF = {
    "hop": "leg", "balance_on_one_leg": "leg", "knee_raise": "foot", "front_kick": "foot", "side_kick": "foot",
    "roundhouse_kick": "foot", "kick_ball": "foot", "throw": "hand", "side_step": "way", "strafe": "way",
    "dodge": "way", "jog_in_circle": "way", "walk_in_circle": "way", "turn_on_the_spot": "way",
}  # fmt: skip
"""How the side of an action is said behind a phrase of it."""


def _of_writers(action: str, lists: Written) -> ActionPhrases:
    """The phrases of an action that only the writers have."""
    way = _SIDE_OF.get(action)
    sided: list[str] = []
    for phrase in lists.plain if way else ():
        if way == "leg" and _OTHER_LEG.search(phrase):
            continue
        one_leg = _ONE_LEG.search(phrase) if way == "leg" else None
        if one_leg:
            sided.append(_ONE_LEG.sub(f"{{his}} {{side}} {one_leg[1]}", phrase, count=1))
        elif len(phrase.split()) <= 6:
            endings = _SIDE_WAYS[way or "way"]
            sided += [f"{phrase}{end}" if end.startswith(",") else f"{phrase} {end}" for end in endings]
    return ActionPhrases(lists.plain, tuple(sided))


def _of_this_action(action: str, phrases: ActionPhrases) -> ActionPhrases:
    kept: dict[str, Any] = {name: without_clashes(action, getattr(phrases, name))
                            for name in ("plain", "sided", "both", "endings", "tails", "limb", "body")}  # fmt: skip
    return replace(phrases, **kept)


for _name, _lists in written().items():
    ACTIONS.setdefault(_name, _of_writers(_name, _lists))
ACTIONS = {name: _of_this_action(name, phrases) for name, phrases in ACTIONS.items()}

# Noun phrases without their article; {side} where it is told. "a tired walk", "a wave with the left hand".
NOUNS: dict[str, str] = {
    "walk": "walk|stroll|walk forward|straight walk|walk cycle|walking motion|forward walk",
    "run": "run|run forward|running motion|run cycle|running",
    "sprint": "sprint|dash|fast run|sprint at full speed|sprinting motion|full-speed run",
    "jog": "jog|light run|slow run|jogging motion|easy jog",
    "walk_backward": "backward walk|walk backwards|walk in reverse|retreat on foot|reverse walk",
    "walk_left": "diagonal walk to the left|walk drifting to the left|walk to the left|leftward walk",
    "walk_right": "diagonal walk to the right|walk drifting to the right|walk to the right|rightward walk",
    "turn_left": "left turn while walking|walking turn to the left|walk with a left turn|left turn",
    "turn_right": "right turn while walking|walking turn to the right|walk with a right turn|right turn",
    "bow": "bow|polite bow|deep bow|bow of respect|respectful bow|formal greeting bow|bow from the waist",
    "wave": "wave|wave hello|goodbye wave|friendly wave|waving motion|greeting|hand wave",
    "raise_hand": "raised hand|hand raise|arm raise|hand in the air",
    "kick": "kick|front kick|high kick|karate kick|kick forward|kicking motion|powerful kick",
    "punch": "punch|jab|hook|boxing punch|straight punch|punching motion|hard punch|series of punches",
    "slash": "slash|sword slash|swing of a sword|sword attack|slashing motion|sword swing",
    "dance": "dance|dance routine|dance move|little dance|dancing motion|happy dance",
    "guide": "guiding gesture|gesture that shows the way|welcoming gesture|gesture of this way please",
    "respond": "response|reply with a gesture|reaction to a call|answering gesture|gesture in reply",
    "call": "beckoning gesture|come here gesture|call to a friend|shout to someone",
    "jump": "jump|vertical jump|jump on the spot|jump into the air|jumping",
    "backflip": "backflip|back somersault|standing backflip|flip backwards|back tuck",
    "cartwheel": "cartwheel|sideways handspring|perfect cartwheel|gymnastic cartwheel",
    "crawl": "crawl|crawl on hands and knees|baby crawl|crawling motion",
    "get_up": "get-up from the ground|rise from the floor|recovery after a fall",
    "roll": "roll|forward roll|somersault on the ground|combat roll|dodge roll",
    "spin": "spin|full turn|pirouette|twirl|360 degree turn|ballet spin|spin on the spot",
    "spin_kick": "spin kick|spinning kick|flying spin kick|tornado kick",
    "side_flip": "side flip|sideways flip|side somersault|aerial flip to the side|lateral flip",
    "sneak": "sneaky walk|stealthy walk|quiet tiptoe walk|sneaking motion|careful creeping walk",
    "zombie_walk": "zombie walk|undead shuffle|zombie shamble|walk like a zombie|zombie stagger",
    "basketball_dribble": "basketball dribble|dribbling|dribble drill|ball handling",
    "basketball_signals": "referee signal|basketball referee gesture|foul signal|time-out signal",
    "direct_traffic": "traffic signal by hand|traffic police gesture|traffic-directing gesture",
    "stand": "still stance|idle pose|standing pose|moment of standing still|wait in place",
}
NOUNS.update({name: name.replace("_", " ") for name in ACTIONS if name not in NOUNS})
