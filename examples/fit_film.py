"""The fit of film.yaml from Python: data, sample, fit, table, figure.

python fit_film.py
"""

import kiessig as ks
from kiessig.plot import plot_fit

[data] = ks.load("film.dat", columns=["q", "r", "dr", "dq"], dq="sigma", q_unit="1/angstrom")

air = ks.Layer(sld=0, name="air")
film = ks.Layer(
    ks.Parameter(470, bounds=(400, 550)),
    sld=ks.Parameter(5.5, bounds=(4, 7)),
    roughness=ks.Parameter(10, bounds=(0, 20)),
    name="film",
)
sio2 = ks.Material("SiO2", density=2.2, radiation="neutron")
oxide = ks.Layer(ks.Parameter(10, bounds=(0, 40)), sio2, roughness=4, name="oxide")
silicon = ks.Layer(sld=ks.Material("Si", radiation="neutron"), roughness=3, name="silicon")

scale = ks.Parameter(1, bounds=(0.8, 1.2))
background = ks.Parameter(1e-6, bounds=(0, 1e-5))
problem = ks.Problem(ks.Measurement(data, air | film | oxide | silicon, scale=scale, background=background))

result = problem.fit()
print(result)
plot_fit(problem, result, path="fit_film.png")
