"""The hottest loops in C: texts into terms, records into columns. The rest of the house works the same without them.

Each function does what is usual and says which rows it left; those go the careful way, in Python, which gives the same
answers and alone knows the rare cases and the reasons for refusals. Where no compiler was found when Lapwing was
installed, everything goes the careful way, at about two thirds of the speed (`lapwing doctor` says so).
"""
