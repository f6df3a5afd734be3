"""The states of the United States, with what the Census Bureau counts as one: postal codes, FIPS codes and names."""

_STATES = """
AL01 Alabama, AK02 Alaska, AZ04 Arizona, AR05 Arkansas, CA06 California, CO08 Colorado, CT09 Connecticut, DE10 Delaware,
DC11 District of Columbia, FL12 Florida, GA13 Georgia, HI15 Hawaii, ID16 Idaho, IL17 Illinois, IN18 Indiana, IA19 Iowa,
KS20 Kansas, KY21 Kentucky, LA22 Louisiana, ME23 Maine, MD24 Maryland, MA25 Massachusetts, MI26 Michigan,
MN27 Minnesota, MS28 Mississippi, MO29 Missouri, MT30 Montana, NE31 Nebraska, NV32 Nevada, NH33 New Hampshire,
NJ34 New Jersey, NM35 New Mexico, NY36 New York, NC37 North Carolina, ND38 North Dakota, OH39 Ohio, OK40 Oklahoma,
OR41 Oregon, PA42 Pennsylvania, RI44 Rhode Island, SC45 South Carolina, SD46 South Dakota, TN47 Tennessee, TX48 Texas,
UT49 Utah, VT50 Vermont, VA51 Virginia, WA53 Washington, WV54 West Virginia, WI55 Wisconsin, WY56 Wyoming,
AS60 American Samoa, GU66 Guam, MP69 Northern Mariana Islands, PR72 Puerto Rico, VI78 Virgin Islands
"""
_ROWS = [" ".join(row.split()) for row in _STATES.split(",")]

STATES = {row[:2]: row[2:4] for row in _ROWS}
"""Postal code to two-digit FIPS code."""

NAMES = [row[5:] for row in _ROWS]
"""The names, in the order of :data:`STATES`."""

_SPELLINGS = [{row[:2], row[2:4], row[5:].upper()} for row in _ROWS]


def state_spellings(state: str) -> set[str]:
    """Return the postal code, FIPS code and name, in capitals, of a state given by any of them in any case.

    For an unknown state the set holds only what was given.
    """
    given = str(state).strip().upper()
    known = (spellings for spellings in _SPELLINGS if given in spellings or given.zfill(2) in spellings)
    return next(known, {given})
