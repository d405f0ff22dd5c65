# SPDX-License-Identifier: Apache-2.0
"""Packs what `cmake --install --component wheel` left beside this file; scripts/wheel.sh calls it."""
import os
import pathlib

from setuptools import Distribution, find_packages, setup

HERE = pathlib.Path(__file__).parent


class CompiledDistribution(Distribution):
    """The extension is compiled already, so nothing else tells setuptools that the wheel is of one platform."""

    def has_ext_modules(self):
        return True


packages = find_packages(str(HERE))
setup(
    name="memfabric",
    version=os.environ["VERSION"],
    description="The memory of many processes as one pool behind global virtual addresses",
    license="Apache-2.0",
    license_files=["LICENSE"],
    packages=packages,
    package_data={package: [str(file.relative_to(HERE / package)) for file in (HERE / package).rglob("*")
                            if file.is_file()] for package in packages},
    python_requires=">=3.11",
    extras_require={"numpy": ["numpy"]},
    entry_points={"console_scripts": ["mf = memfabric._paths:run_command"]} if (HERE / "memfabric/bin/mf").exists() else {},
    distclass=CompiledDistribution,
    zip_safe=False,
)
