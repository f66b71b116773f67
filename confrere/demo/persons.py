"""Names, addresses and reasons for the demonstration's invented patients. Pure."""


def _names(written: str) -> tuple[str, ...]:
    return tuple(written.split())


GIVEN_MALE = _names("""
    James Robert Michael William David Joseph Thomas Charles Daniel Matthew Anthony Mark
    Steven Andrew Kenneth Joshua Kevin Brian Timothy Jason Jeffrey Ryan Gary Nicholas Eric
    Jonathan Larry Scott Brandon Benjamin Samuel Gregory Raymond Patrick Alexander Jack
    Dennis Jerry Tyler Aaron Jose Nathan Henry Zachary Adam Peter Walter Jeremy Carl Arthur
    Luis Roger Terry Austin Sean Javier Hassan Minh Andre Marcus Darnell Rajesh Wei Omar
    Caleb
""")
GIVEN_FEMALE = _names("""
    Mary Patricia Jennifer Linda Barbara Susan Jessica Sarah Karen Lisa Nancy Betty Sandra
    Margaret Ashley Kimberly Emily Donna Michelle Carol Amanda Melissa Deborah Stephanie
    Rebecca Laura Cynthia Dorothy Amy Kathleen Angela Shirley Emma Brenda Pamela Nicole Anna
    Samantha Katherine Christine Helen Debra Rachel Carolyn Janet Maria Olivia Heather Diane
    Julie Joyce Victoria Ruth Virginia Lauren Kelly Christina Joan Evelyn Fatima Mei Tanisha
    Guadalupe Priya Ingrid Sofia Latoya Yolanda
""")
FAMILY = _names("""
    Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez
    Lopez Gonzalez Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson
    White Harris Sanchez Clark Ramirez Lewis Robinson Walker Young Allen King Wright Scott
    Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter
    Roberts Gomez Phillips Evans Turner Diaz Parker Cruz Edwards Collins Reyes Stewart
    Morris Morales Murphy Cook Rogers Gutierrez Ortiz Morgan Cooper Peterson Bailey Reed
    Kelly Howard Ramos Kim Cox Ward Richardson Watson Brooks Chavez Wood James Bennett Gray
    Mendoza Ruiz Hughes Price Alvarez Castillo Sanders Patel Myers Long Ross Foster Jimenez
    Schmidt Schultz Larson Olson Hansen Kowalczyk Nowak Becker Vang Xiong Yoder Stoltz
    Haugen Lindgren Kaminski Dvorak Weber Krueger Zimmerman Okoye Abdi Singh Chen Park Tran
    O'Brien O'Neill McCarthy
""")
REFERRERS = (
    "Ellen Marsh", "Gregory Tan", "Nadia Rahman", "Wesley Burke", "Helen Ostrowski",
    "Jamal Freeman", "Claire Dunning", "Victor Salas", "Ruth Albright", "Owen Fitzgerald",
    "Sunita Menon", "Todd Hauser", "Bianca Russo", "Calvin Moody", "Leah Goldstein",
)  # fmt: skip
QUESTIONS = {
    "head": (
        "Sudden headache and right arm weakness, hemorrhage?", "Fall on blood thinner, bleed?",
        "New confusion, intracranial cause?", "Headaches for three weeks, mass?",
    ),
    "neck": ("Neck swelling and fever, abscess?", "Palpable neck mass"),
    "spine": ("Back pain with left leg weakness", "Fall from ladder, fracture?", "Radiculopathy"),
    "chest": (
        "Shortness of breath and fever, pneumonia?", "Follow-up of lung nodule",
        "Chest pain, elevated D-dimer", "Persistent cough for two months", "Line placement",
    ),
    "abdomen": (
        "Right lower quadrant pain, appendicitis?", "Flank pain, stone?",
        "Vomiting after surgery, obstruction?", "Weight loss, malignancy?",
    ),
    "pelvis": ("Pelvic pain", "Abnormal bleeding"),
    "heart": ("Atypical chest pain, coronary disease?", "Cardiomyopathy"),
    "extremity": ("Injury, fracture?", "Swollen leg, thrombosis?", "Chronic pain, arthritis?"),
    "breast": ("Annual screening", "Palpable lump"),
    "whole body": ("Staging", "Response to treatment"),
}  # fmt: skip
LOCATIONS = {"E": "ED", "I": "4WEST", "O": "OPRAD"}
