"""Given names that one person may go by. Pure.

A short list of the usual English and Spanish short forms, made for this program; the names
of one line stand for each other.
"""

_ALIKE = """
abigail abby gail
albert al bert
alexander alex alec sasha alejandro
alexandra alex sandra
andrew andy drew andres
anthony tony antonio
barbara barb babs
benjamin ben benny benji
carolyn carol carrie
catherine katherine kathryn kate katie kathy cathy kay kitty
charles charlie chuck carlos
christine christina chris tina christy
christopher chris kit
cynthia cindy
daniel dan danny
david dave davey
deborah debra deb debbie
donald don donnie
dorothy dot dottie
edward ed eddie ted ned eduardo
eleanor ellie nell nora
elizabeth liz beth betty eliza lizzie betsy lisa libby
eugene gene
florence flo
francis frank fran francisco paco
frances fran fanny
franklin frank
frederick fred freddy
gabriel gabe
gerald gerry jerry
gregory greg
guadalupe lupe
harold harry hal
helen nell ellen
henry hank harry enrique
isabella bella isabel
jacob jake
james jim jimmy jamie
janet jan
jeffrey jeff geoffrey
jennifer jen jenny
jessica jess jessie
john jack johnny juan
jonathan jon
joseph joe joey jose pepe
joshua josh
judith judy
kenneth ken kenny
kimberly kim
lawrence larry laurence
leonard leo lenny len
lillian lil lily
louis lou luis
margaret maggie meg peg peggy marge margie rita greta
maria mary
martha marty patsy
matthew matt mateo
michael mike mick mickey miguel
michelle shelly
nancy nan
natalie nat
nathaniel nathan nate nat
nicholas nick nicolas
pamela pam
patricia pat patty trish tricia
patrick pat paddy
peter pete pedro
philip phil felipe
randall randy
raymond ray
rebecca becky
richard rich rick dick ricky ricardo
robert rob bob bobby robbie bert roberto
ronald ron ronnie
rosemary rose
russell russ
samantha sam
samuel sam sammy
sandra sandy
stephanie steph
stephen steven steve esteban
susan sue susie suzanne
theodore ted teddy theo
theresa teresa terry tess
thomas tom tommy
timothy tim
victoria vicky tori
vincent vince
virginia ginny
walter walt
william will bill billy liam guillermo
zachary zach zack
"""
_LINES = tuple(frozenset(line.split()) for line in _ALIKE.split("\n") if line)
_OF_NAME: dict[str, frozenset[int]] = {
    name: frozenset(n for n, line in enumerate(_LINES) if name in line)
    for line in _LINES
    for name in line
}
_NONE: frozenset[int] = frozenset()


def may_be_called(one: str, other: str) -> bool:
    """Say whether two different given names, folded by `likeness.plain`, are one's short forms."""
    return not _OF_NAME.get(one, _NONE).isdisjoint(_OF_NAME.get(other, _NONE))
