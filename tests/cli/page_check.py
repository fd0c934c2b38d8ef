"""Is FILE a page that `report --format=html` may write?

As a parser of XML and one of HTML see it: nothing but elements and attributes
that the page is made of, no address but of its own sections, each of which is
there; and as many pictures as findings that differ. Prints what is wrong.
"""

import html.parser
import sys
import xml.etree.ElementTree

TAGS = set("""html head meta title style body header nav section h1 h2 p pre a b
    em code span div dl dt dd ul ol li table thead tbody tr th td details
    summary figure figcaption svg rect line path text""".split())
ATTRIBUTES = set("""lang charset http-equiv content name class id href colspan
    open role viewBox x y x1 y1 x2 y2 width height rx d text-anchor""".lower()
    .split())

wrong = []
ids, links = set(), set()


def look(tag, attributes):
    if tag not in TAGS:
        wrong.append("element " + tag)
    for name, value in attributes:
        if name.lower() not in ATTRIBUTES:
            wrong.append("attribute " + name)
        if name == "id":
            ids.add(value)
        if name == "href":
            links.add(value)


class Parser(html.parser.HTMLParser):
    def handle_starttag(self, tag, attrs):
        look(tag, attrs)

    def handle_startendtag(self, tag, attrs):
        look(tag, attrs)

    def handle_comment(self, data):
        wrong.append("a comment")


with open(sys.argv[1], encoding="utf-8", errors="strict", newline="") as page:
    source = page.read()
Parser().feed(source)
root = xml.etree.ElementTree.fromstring(source)
for element in root.iter():
    look(element.tag, element.attrib.items())
for link in links:
    if link[:1] != "#" or link[1:] not in ids:
        wrong.append("link " + link)
policy = [m.get("content") for m in root.iter("meta") if m.get("http-equiv")]
if policy != ["default-src 'none'; style-src 'unsafe-inline'; "
              "base-uri 'none'; form-action 'none'"]:
    wrong.append("policy %s" % policy)

rows = [table for table in root.iter("table")
        if table.get("class") == "findings"][0].findall("tbody/tr")
marks = [row.find("td/span").text for row in rows]
pictures = [svg for svg in root.iter("svg") if svg.get("class") == "pic"]
differ = sum(mark in ("DIVERGE", "EXPLAINED") for mark in marks)
if len(pictures) != differ:
    wrong.append("%d pictures of %d differences" % (len(pictures), differ))
sections = [s for s in root.iter("section") if s.get("class") == "case"]
if len(sections) != len(rows):
    wrong.append("%d sections of %d findings" % (len(sections), len(rows)))
for svg in root.iter("svg"):
    if svg.get("role") != "img" or not svg.findtext("title"):
        wrong.append("a picture without words")

print("\n".join(wrong) or "good: %d findings, %d differ" % (len(rows), differ))
sys.exit(bool(wrong))
