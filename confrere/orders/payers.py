"""Which class of payer an order's insurance belongs to. Pure.

Words come first, because codes are the sender's own (HL7 table 0064 is user-defined); of codes
only the claim filing indicators of X12 837 (SBR09) are read. What is not told is empty, and
what cannot be told apart is `other`.
"""

MEDICARE, MEDICAID, ADVANTAGE, COMMERCIAL, SELF_PAY, OTHER = (
    "medicare", "medicaid", "medicare advantage", "commercial", "self-pay", "other",
)  # fmt: skip
_WORDS = (
    ("medicare advantage", ADVANTAGE), ("medicare hmo", ADVANTAGE), ("medicaid", MEDICAID),
    ("medicare", MEDICARE), ("self-pay", SELF_PAY), ("self pay", SELF_PAY),
    ("selfpay", SELF_PAY), ("uninsured", SELF_PAY), ("commercial", COMMERCIAL),
    ("blue cross", COMMERCIAL),
)  # fmt: skip
_INDICATORS = {
    "MA": MEDICARE, "MB": MEDICARE, "MC": MEDICAID, "16": ADVANTAGE, "09": SELF_PAY,
    "CI": COMMERCIAL, "BL": COMMERCIAL, "HM": COMMERCIAL, "12": COMMERCIAL, "13": COMMERCIAL,
    "14": COMMERCIAL, "15": COMMERCIAL, "WC": OTHER, "CH": OTHER, "VA": OTHER, "AM": OTHER,
}  # fmt: skip


def payer_class_of(*told: str) -> str:
    """Tell the class from the financial class, the plan's type and the company's name."""
    for text in told:
        plain = " ".join(text.casefold().split())
        for words, payer in _WORDS:
            if words in plain:
                return payer
    for text in told:
        if (indicator := text.strip().upper()) in _INDICATORS:
            return _INDICATORS[indicator]
    return OTHER if any(text.strip() for text in told) else ""
