"""x"""
from tests.acceptance.house import House
def test_x(house: House) -> None:
    house.kill_tree()
def test_y(house: House) -> None:
    with house.http("lakeshore radiologist") as web:
        print(web.get("/dicom-web/studies").text)
    assert house.stop() == 0
