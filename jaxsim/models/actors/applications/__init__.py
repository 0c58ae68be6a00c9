"""The systems that Ahn and Righter (2005) name, as models: tandem lines, Klimov's network, scheduling, and
so on.

Map: `tandem` flexible, collaborative and dedicated tandem lines · `klimov` failure-prone flexible servers ·
`scheduling` Weiss and Pinedo's jobs and machines · `lines` Andradottir, Ayhan and Down's line · `grid`
copies of tasks · `speeds` bang-bang service rates and temporary workers.
"""
