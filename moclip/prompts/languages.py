# SPDX-License-Identifier: Apache-2.0
"""Which language a prompt in Latin letters is written in, where it is hardly English: told by its small words.

The words are those that prompts are full of (a man, a woman, with, then, the left hand, walks), less all that English
has too: "die", "man" and "hat" tell nothing.
"""

import re

_WORDS = {
    "German": "ein eine einen einer eines der das den dem und mit mann frau mensch kind junge mädchen geht gehen läuft "
    "laufen lauf rennt rennen springt springen winkt winken sitzt setzt sich steht dreht tanzt tritt fällt hebt wirft "
    "nach vorne vorwärts rückwärts links rechts linken rechten linke rechte seine seiner seinen ihre ihren zur zum im "
    "auf dann danach langsam schnell müde müder über für hände hoch kreis",
    "French": "un une le la les des du et avec homme femme personne enfant garçon fille marche marcher court courir "
    "saute sauter danse salue fait lève assied tombe tourne puis ensuite vers avant arrière gauche droite ses sa "
    "dans sur lentement vite rapidement bras jambe pied debout cercle est en avançant fatigué",
    "Spanish": "un una el los las y con hombre mujer persona niño niña chico camina caminar caminando corre correr "
    "corriendo salta saltar saltando baila bailando saluda saludando sienta levanta cae gira hacia adelante atrás "
    "izquierda derecha izquierdo derecho su sus mano manos luego después lentamente rápido mientras por para en del "
    "círculo cansado",
    "Italian": "un una uno il lo gli le di e con uomo donna persona bambino ragazzo ragazza cammina camminare corre "
    "correre salta saltare balla saluta siede alza cade gira verso avanti indietro sinistra destra sua sue mano mani "
    "poi lentamente velocemente mentre nel nella della braccio cerchio stanco",
    "Portuguese": "um uma os com homem mulher pessoa criança menino menina anda andar andando caminha caminhando corre "
    "correr correndo pula pular pulando salta dança dançando acena acenando senta levanta cai gira para frente trás "
    "esquerda direita esquerdo direito mão mãos seu sua depois devagar rápido enquanto em da na braço círculo cansado "
    "e",
    "Dutch": "een het met vrouw persoon kind jongen meisje loopt lopen rent rennen springt springen zwaait zwaaien zit "
    "staat draait danst schopt valt gooit naar voren achteren vooruit achteruit linker rechter zijn haar dan daarna "
    "langzaam snel moe vermoeide terwijl van handen en",
    "Swedish": "och med kvinna person barn pojke flicka går gå springer springa hoppar hoppa vinkar vinka sitter "
    "sätter står dansar sparkar faller kastar framåt bakåt vänster höger hans hennes sedan därefter långsamt snabbt "
    "trött ett mot händerna",
    "Danish or Norwegian": "og med mann mand kvinne kvinde barn gutt dreng jente pige går løper løber hopper vinker "
    "sitter sidder står danser sparker faller falder kaster fremover frem bakover tilbage venstre høyre højre hånd "
    "hånden deretter derefter så sakte langsomt raskt hurtigt trøtt mot mod",
    "Polish": "mężczyzna kobieta osoba człowiek dziecko idzie iść chodzi biegnie biegać skacze skakać macha tańczy "
    "siada siedzi stoi kopie upada rzuca obraca się do przodu tyłu lewą prawą lewej prawej lewo prawo ręką rękę ręce "
    "potem następnie powoli szybko zmęczony jego jej w na z oraz",
    "Czech or Slovak": "muž žena osoba člověk dítě jde kráčí běží skáče mává tančí tancuje sedí stojí padá hází "
    "otáčí dopředu dozadu levou pravou doleva doprava rukou ruku ruky potom pak pomalu rychle unavený se "
    "dieťa beží kývá",
    "Turkish": "bir adam kadın kişi insan çocuk yürüyor yürür koşuyor koşar zıplıyor zıplar sallıyor el oturuyor "
    "oturur dans ediyor tekme düşüyor ileri doğru sol sağ eliyle sonra ve ile yavaşça hızlıca yorgun",
    "Indonesian or Malay": "seorang orang pria wanita lelaki perempuan anak berjalan jalan berlari lari melompat "
    "lompat melambaikan melambai duduk berdiri menari menendang jatuh berputar maju mundur depan belakang kiri kanan "
    "tangan kaki lalu kemudian dengan dan perlahan cepat ke lelah",
    "Romanian": "un o bărbat femeie persoană copil merge mergând aleargă sare dansează face se așează stă cade "
    "aruncă înainte înapoi stânga dreapta mâna apoi încet repede obosit și cu din spre",
    "Finnish": "mies nainen ihminen henkilö lapsi kävelee juoksee hyppää hyppii vilkuttaa tanssii istuu istuutuu "
    "seisoo potkaisee kaatuu heittää kääntyy eteenpäin taaksepäin vasemmalla oikealla vasemmalle oikealle kädellä "
    "kädellään sitten ja hitaasti nopeasti väsynyt",
    "Hungarian": "egy férfi nő ember gyerek sétál megy fut szalad ugrik ugrál integet táncol leül ül áll rúg elesik "
    "dob fordul előre hátra balra jobbra bal jobb kézzel kezével majd aztán lassan gyorsan fáradt és az",
    "Vietnamese": "một người đàn ông phụ nữ đi bộ chạy nhảy vẫy tay múa ngồi đứng đá ngã ném xoay về phía trước sau "
    "trái phải rồi và chậm nhanh mệt",
}
_SMALL_AND_SHARED = frozenset("o e y el la le un do se en z na w so dan ve fut bal dob face ball".split())
"""Words that tell something only beside others."""
_ENGLISH = frozenset(
    "a an the he she they it his her their him them himself herself someone somebody person man woman guy girl boy "
    "character and then with while to of on in at from for into up down out over is are as by like left right hand "
    "hands arm arms leg foot feet head forward forwards backward backwards back around slowly quickly walk walks "
    "walking run runs running jump jumps jumping wave waves waving sit sits sitting stand stands standing turn turns "
    "turning kick kicks dance dances dancing throw throws fall falls pick picks do does doing".split()
)
_SETS = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_LETTERS = re.compile(r"[^\W\d_]+")
_LEAST_SHARE = 0.3


def foreign_language(text: str) -> str | None:
    """The language of a prompt that is more likely in it than in English, None for all others."""
    words = _LETTERS.findall(text.lower())
    if not words:
        return None
    english = sum(word in _ENGLISH for word in words)
    counts = {}
    for language, known in _SETS.items():
        found = [word for word in words if word in known]
        telling = len(set(found) - _SMALL_AND_SHARED)
        counts[language] = len(found) if telling else 0
    language, count = max(counts.items(), key=lambda item: item[1])
    likely = count > english and count >= _LEAST_SHARE * len(words)
    return language if likely and (count > 1 or len(words) <= 2) else None
