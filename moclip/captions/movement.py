# SPDX-License-Identifier: Apache-2.0
"""Words of the broad movement grammar (see `corpus`): what people may ask for beyond the captioned actions."""

from __future__ import annotations

from moclip.captions.grammar import words

VERBS = words(
    """walk|run|jog|sprint|stroll|march|wander|stagger|limp|hobble|shuffle|tiptoe|sneak|creep|crawl|climb|hop|skip|
    jump|leap|bounce|gallop|trot|dash|rush|hurry|race|charge|lunge|dodge|duck|crouch|kneel|squat|sit down|stand up|
    lie down|get up|fall|fall over|collapse|stumble|trip|slip|slide|glide|skate|ski|swim|float|fly|dive|roll|tumble|
    somersault|flip|cartwheel|spin|twirl|turn|turn around|pivot|rotate|circle|zigzag|swerve|veer|sway|swing|rock|
    wobble|tremble|shiver|shake|twist|bend|bend over|lean|stoop|bow|nod|wave|salute|point|gesture|beckon|clap|applaud|
    cheer|celebrate|dance|waltz|tango|breakdance|moonwalk|tap dance|twerk|pirouette|stretch|yawn|warm up|exercise|
    work out|lift weights|do push-ups|do sit-ups|do squats|do jumping jacks|do yoga|meditate|box|punch|kick|fight|
    wrestle|fence|parry|block|strike|slash|stab|chop|throw|catch|pitch|bat|bowl|shoot|aim|fire|dribble|juggle|hit|
    slap|push|pull|drag|lift|carry|drop|pick something up|put something down|reach|grab|hold|hug|embrace|kiss|
    shake hands|high-five|sneeze|cough|laugh|cry|sob|shout|sing|talk|argue|whisper|listen|look around|look up|
    look down|stare|search|read|write|type|paint|draw|cook|stir|eat|drink|wash|clean|sweep|mop|dig|rake|saw|hammer|
    drive|steer|row|paddle|ride|pedal|golf|surf|drum|play guitar|play piano|play violin|conduct|rest|sleep|wake up|
    wait|stand|stand still|pace|patrol|guard|retreat|back away|flee|escape|chase|follow|lead|approach|arrive|leave|
    enter|exit|cross|pass|return|freeze|stop|pause|hesitate|start|flinch|cower|shrug|scratch|itch|fidget|tap|stamp|
    stomp|kick out|flail|flap|hover|soar|vault|swing across|hang|dangle|balance|teeter|totter|lurch|plod|trudge|tramp|
    swagger|strut|saunter|amble|prance|frolic|scamper|scurry|bolt|flit|sidestep|moonwalk away|wade|hike|backpedal|
    prowl|stalk|lurk|slink|waddle|toddle|step|stride|tread|hurtle|barrel|zoom|whirl|reel|loop|recoil|rear up|bob|
    weave|jab|uppercut"""
)
DIRECTIONS = words(
    """forward|forwards|backward|backwards|ahead|straight ahead|straight on|sideways|to the {side}|to {his} {side}|
    towards the {side}|{side}|diagonally|diagonally {side}|diagonally to the {side}|forward and {side}|
    back and to the {side}|upward|downward|up|down|in a circle|in circles|in a line|around|round the corner|
    around to the {side}|in a curve to the {side}|in an arc to the {side}|away|back|back and forth|from side to side|
    left and right|up and down|on the spot|in place|up the stairs|down the stairs|up a hill|down a slope|
    over a hurdle|over an obstacle|under a bar|through a door|into the room|out of the room|across the room|
    across the street|along the wall|along a line|clockwise|counterclockwise|anticlockwise|toward the camera|
    away from the camera|to the front|to the back|off to the {side}|in a figure of eight|in a spiral|
    with a {side} turn|on {his} {side} leg|on one leg|onto a box|off a box|past someone|after someone|
    with {his} {side} foot first|leading with the {side} foot|then {side}|from left to right|from right to left|
    from the {side}|a little to the {side}|on the {side} side|on all fours"""
)
LIMB_VERBS = words(
    """raise|lift|lower|drop|bend|straighten|stretch|extend|swing|rotate|twist|turn|move|shake|wave|circle|flex|
    hold up|hold out|put up|pull back|push out|thrust|kick out|tap|rub|scratch|slap|touch|cross|fold|stick out|
    throw up|bring up|bring down|tuck in|tilt|point|roll|flap|wiggle|pump|hug|massage|spread|curl|jerk|dangle|rest|
    clench|open|tense|relax|lead with|look at|use|favour|drag|injure"""
)
LIMBS = words(
    """{side} hand|{side} arm|{side} leg|{side} foot|{side} knee|{side} elbow|{side} shoulder|{side} wrist|
    {side} fist|{side} heel|{side} hip|{side} ankle|{side} hand|{side} arm|{side} leg|{side} thigh|{side} palm|
    {side} forearm|{side} toes|hands|arms|legs|feet|both hands|both arms|both legs|both feet|knees|elbows|shoulders|
    hips|head|chin|neck|torso|upper body|back|waist|fingers|body|left and right hands|left and right arms|
    {side} hand and {other} leg|{side} side|arm|hand|leg|foot|two hands"""
)
LIMB_ENDINGS = words(
    """up|down|forward|backward|to the side|to the {side}|to the {other}|in the air|above {his} head|overhead|
    over {his} shoulder|behind {his} back|in front of {his} chest|in front of {his} face|to shoulder height|
    to chest height|out to the side|in a circle|in circles|from side to side|up and down|back and forth|
    and lower it again|twice|three times|several times|across the body|towards the floor|towards the ceiling|
    to the sky|high|low|slightly|as high as possible|to {his} mouth|to {his} ear|on {his} hip|to greet someone|
    to say hello|to say goodbye|to ask a question|to stop someone|to strike|to signal|while walking|while standing|
    while sitting|while turning {side}"""
)
OBJECT_VERBS = words(
    """pick up|put down|throw|catch|kick|hit|push|pull|lift|carry|drag|hold|drop|grab|swing|shake|open|close|point at|
    look at|wave at|walk to|run to|walk around|jump over|step over|step onto|climb|crawl under|sit on|lean on|
    stand on|reach for|play with|dribble|punch|slap|strike|chop|cut|slice|touch|stroke|wipe|clean|paint|fix|roll|
    bounce|spin|balance|juggle|avoid|dodge|chase|follow|bow to|greet|hug|guide|direct|signal to|call|talk to|fight|
    attack|block|walk away from|run from|turn towards|back away from|use|give someone|receive|pass|toss|hurl|aim at|
    shoot|walk past|hop over|dance with|stop|turn|press|squeeze|unwrap|drink from|eat"""
)
OBJECTS = words(
    """a ball|a box|a heavy box|a chair|a table|a door|a sword|a stick|a bat|a basketball|a football|a soccer ball|
    a tennis racket|a golf club|a gun|a bow|a rope|a ladder|stairs|a wall|a fence|a bench|the floor|the ground|a bag|
    a suitcase|a backpack|a cup|a bottle|a glass|a phone|a book|a newspaper|a laptop|a guitar|a drum|a broom|a mop|
    a hammer|a shovel|an axe|a knife|a spear|a shield|a flag|a balloon|a dog|a cat|a horse|a baby|a child|a friend|
    a stranger|an opponent|an enemy|someone|a crowd|the audience|a teacher|a guest|a waiter|cars|a car|a bike|a bus|
    a train|traffic|a boat|a tree|a branch|a rock|a puddle|a hurdle|a line|a log|a hoop|a net|the goal|a target|
    a punching bag|an imaginary opponent|a monster|a zombie|a light switch|a lamp|a window|a curtain|a cart|a trolley|
    a stroller|an umbrella|a hat|a coat|a shoe|a plate|food|an apple|a sandwich|a cigarette|a camera|a mirror|the sky|
    the ceiling|a button|something on the {side}|an object on {his} {side}|a ball with the {side} hand|
    a ball with {his} {side} foot|something on the floor"""
)
ACTIVITIES = words(
    """play tennis|play golf|play baseball|play cricket|play hockey|play volleyball|play football|play soccer|
    play basketball|play the piano|play the guitar|play the drums|play the violin|play chess|play cards|do ballet|
    do karate|do kung fu|do tai chi|do gymnastics|do aerobics|do parkour|do a handstand|do a headstand|do a split|
    do a lunge|do a plank|do a burpee|do a front flip|do a backflip|do a cartwheel|do a side flip|do a forward roll|
    do a somersault|do a pirouette|do the moonwalk|do the robot|do the twist|do the macarena|do breakdance|
    do a spin kick|do a roundhouse kick|do an uppercut|throw a {side} hook|throw a {side} punch|
    kick with the {side} leg|block with the {side} arm|wave with the {side} hand|raise the {side} hand|
    point with the {side} hand|turn {side}|turn to the {side}|step to the {side}|look to the {side}|
    lean to the {side}|sidestep to the {side}|walk to the {side}|run to the {side}|jump to the {side}|
    roll to the {side}|dodge to the {side}|slide to the {side}|spin to the {side}|hop on the {side} foot|
    stand on the {side} leg|balance on the {side} foot|limp on the {side} leg|throw with the {side} hand|
    catch with the {side} hand|swing a sword with the {side} hand|take a {side} turn|make a {side} turn|
    walk in a curve to the {side}|veer {side}|drift {side}|walk diagonally {side}|scratch {his} head|rub {his} eyes|
    wipe {his} forehead|cover {his} face|cross {his} arms|put {his} hands on {his} hips|brush {his} teeth|
    wash {his} hands|comb {his} hair|tie {his} shoes|put on a coat|take off a hat|drink a cup of tea|eat a meal|
    make a phone call|take a photo|take a selfie|drive a car|ride a bike|ride a horse|row a boat|climb a ladder|
    climb stairs|walk up the stairs|walk down the stairs|walk a tightrope|walk the dog|walk with a cane|
    walk with a limp|walk on {his} hands|walk like a robot|walk like a penguin|walk like a zombie|walk like a model|
    walk like a drunk|act like a monkey|act like a chicken|pretend to be a bird|imitate an airplane|direct traffic|
    referee a match|signal a foul|bow to the audience|greet a guest|show the way|call someone over|answer a call|
    surrender|salute the flag|give a speech|shake hands with someone|hug a friend|give a high five|give a thumbs up|
    blow a kiss|clap {his} hands|snap {his} fingers|pray|beg|propose on one knee|push a car|pull a rope|
    lift a heavy weight|carry a box|throw a ball|catch a ball|kick a ball|hit a ball with a bat|shoot an arrow|
    fire a gun|swing a golf club|swing a baseball bat|serve a tennis ball|spike a volleyball|head a football|
    score a basket|dunk a ball|swim freestyle|swim breaststroke|dive into water|surf a wave|ski down a hill|ice skate|
    roller skate|skateboard|jump rope|hopscotch|play tag|hide behind a wall|peek around a corner|crawl under a table|
    crawl like a soldier|sneak past a guard|get up from a chair|sit down on a chair|get up from the floor|
    stand up from lying on {his} back|stand up from lying on {his} stomach|lie on {his} back|lie on {his} stomach|
    fall asleep|wake up|faint|trip over something|slip on ice|get hit|get shot|die|recover {his} balance|
    catch {his} breath|look over {his} {side} shoulder|stretch {his} {side} arm|be sad|be happy|be tired|be angry|
    wait for the bus|stand in a queue|stand guard|stay idle|warm {his} hands|dust off {his} clothes|swat a fly|
    scare someone|row on the spot|run on a treadmill|march like a soldier|goose-step|skip like a child|
    jump like a frog|hop like a rabbit|run like an athlete|crawl like a baby|roar like a lion|box with a shadow|
    spar with a partner|defend against an attack"""
)
MANNERS = words(
    """slowly|quickly|fast|very slowly|very fast|carefully|carelessly|gently|softly|hard|heavily|lightly|quietly|
    silently|loudly|happily|sadly|angrily|proudly|shyly|nervously|confidently|tiredly|wearily|lazily|energetically|
    gracefully|clumsily|awkwardly|elegantly|stiffly|smoothly|steadily|calmly|casually|normally|playfully|seriously|
    dramatically|aggressively|violently|cautiously|stealthily|drunkenly|sleepily|cheerfully|joyfully|gloomily|
    fearfully|bravely|politely|respectfully|formally|rhythmically|repeatedly|once|twice|three times|several times|
    again|suddenly|gradually|briefly|for a while|for a long time|for five seconds|in slow motion|at full speed|
    with care|with ease|with effort|with difficulty|with energy|in pain|in fear|in anger|in a hurry|in a relaxed way|
    in a silly way|in a tired way|in an elegant way|in a strange way|like a robot|like an old man|like an old woman|
    like a child|like a soldier|like a dancer|like a monkey|like a king|like a model|like a boxer|like a giant|
    like a ninja|like a drunk|as if tired|as if drunk|as if injured|as if afraid|as if angry|as if happy|as if sad|
    while looking around|while holding something|while laughing|while crying|while singing|while talking on the phone|
    without stopping|with both hands|with one hand|with the {side} hand|with {his} {side} arm|using the {side} hand|
    using {his} {side} leg|with arms outstretched|with bent knees|with {his} eyes closed|on tiptoe|out of breath|
    in a bad mood|in a good mood|to the beat of the music"""
)
SCENES = words(
    """in the park|in the kitchen|in the street|on the beach|on stage|in a gym|in the rain|in the snow|on the ice|
    in the dark|at a party|at a concert|at school|at work|at home|in an office|on a mountain|in the forest|
    in the water|in space|on a boat|in a crowd|in the garden|at a crossing|in a fight|during a match|in a video game|
    in a horror film|at a wedding|in front of a mirror|in front of an audience|on a narrow bridge|on a field|
    on a court|in a ring"""
)
PURPOSES = words(
    """to {his} office|on the way to school|on the way home|to the bus stop|to the shops|through town|
     for the finish line| for the goal|for the ball|for the door|for the exit|for the bus|for cover|for help|
    for attention|for fun|for joy| for the camera|for the crowd|for exercise|for the first time|for no reason|
    at the end of the show|at the start| after the applause|after work|before breakfast|before the fight|
    before leaving|before sitting down| after getting up|on the way out|in the morning|in the evening|out of respect|
    out of anger|out of boredom| out of fear|with joy|in victory|in defeat|in triumph|in surrender|in protest|
    in greeting|in reply|in thanks| in celebration|in self-defence|to the stomach|to the ribs|to the head|
    to the face|to the knee|to the chin| at an enemy|at a stranger|at a neighbour|at the boss|at a dog|
    at a passing train|at the teacher|at the moon| at the door|with a katana|with a stick|with a heavy axe|
    with a knife|with a sword in {his} hand|with a bag| with a suitcase|with {his} friends|with nobody watching|
    with {his} body facing ahead|with arms wide open| with {his} head down|with {his} weight on the {side} leg|
    by ninety degrees|by 90 degrees|a quarter turn {side}| halfway round|all the way round|a full circle|
    three metres|ten steps|two steps|a short way|a long way|as told| as ordered|as usual|as a warm-up|as a joke|
    as a reward|like a champion|like a beginner|like nobody's business| like crazy|like a pro|
    like it is the last time|like in a film|as in a music video|as in a dojo|as on an airfield| as in a duel|
    as if late|as if chased|as if pushed|to avoid a blow|to catch the train|to reach the shelf| to touch the ceiling|
    to reach something high|to get the ball|to break the door|to cut the rope|to hail a cab| to be seen|to be picked|
    to vote|to stop a car|to warn others|to please the king|to thank the hosts| to let someone pass|to get away|
    to turn the corner|to change course|to face the other way|to face the {side}"""
)
LINKS = words("and|and then|, then|, and then|, after that|and finally|. then|, stop and|before they can|, next")
ADJECTIVES = words(
    """tall|short|young|old|strong|weak|tired|happy|sad|angry|drunk|injured|scared|shy|proud|confident|nervous|clumsy|
    graceful|small|big|fat|slim|elderly|energetic|lazy|sleepy|exhausted|brave|curious|bored|excited|cheerful|sick|
    blind|giant|little|muscular"""
)
