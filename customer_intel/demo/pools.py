"""Word pools of the demo company: names, places, products, phrases. Fictional values and reserved
ranges only.
"""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


# female: formal name -> how friends and forms shorten it
FEMALE = _words("""
Olivia:Liv Emma:Em Charlotte:Charlie Amelia:Amy Sophia:Sophie Isabella:Bella Evelyn:Evie Harriet:Hattie
Elizabeth:Liz Eleanor:Ellie Abigail:Abby Emily:Em Margaret:Maggie Katherine:Kate Victoria:Vicky Josephine:Josie
Samantha:Sam Alexandra:Alex Jennifer:Jen Rebecca:Becky Christina:Tina Patricia:Pat Susan:Sue Deborah:Debbie
Jessica:Jess Theresa:Tess Barbara:Barb Dorothy:Dot Frances:Fran Gabrielle:Gabby Jacqueline:Jackie Judith:Judy
Kimberly:Kim Melissa:Mel Michelle:Shelly Natalie:Nat Pamela:Pam Penelope:Penny Philippa:Pippa Priscilla:Cilla
Rosemary:Rose Stephanie:Steph Suzanne:Sue Tabitha:Tabby Valerie:Val Veronica:Ronnie Winifred:Winnie Zoë: Chloé:
Aoife: Siobhán: Ingrid: Anneliese:Anna Guadalupe:Lupe Mercedes: Priya: Ananya: Fatima: Leila: Yuki: Mei:
Thandiwe: Grace: Ruth: Nora: Hazel: Iris: Clara: Alice: Beatrice:Bea Florence:Flo Matilda:Tilly Isobel:Izzy
Imogen:Immy Georgina:Georgie Henrietta:Etta Lucinda:Lucy Rosalind:Roz Angela:Angie Cynthia:Cindy Danielle:Dani
Edith:Edie Joanna:Jo Kathleen:Kathy Lillian:Lily Marjorie:Marge Nicole:Nicky Roberta:Bobbie Wilhelmina:Mina
""")

MALE = _words("""
William:Bill James:Jim Robert:Bob John:Jack Michael:Mike David:Dave Richard:Rick Joseph:Joe Thomas:Tom
Charles:Chuck Christopher:Chris Daniel:Dan Matthew:Matt Anthony:Tony Donald:Don Steven:Steve Andrew:Andy
Kenneth:Ken Joshua:Josh Kevin: Brian: Timothy:Tim Ronald:Ron Edward:Ted Jeffrey:Jeff Gregory:Greg Benjamin:Ben
Samuel:Sam Raymond:Ray Patrick:Paddy Alexander:Alex Jonathan:Jon Nicholas:Nick Frederick:Fred Lawrence:Larry
Albert:Bert Arthur:Art Vincent:Vince Leonard:Leo Theodore:Theo Nathaniel:Nate Zachary:Zach Douglas:Doug
Peter:Pete Harold:Harry Walter:Walt Philip:Phil Francis:Frank Gerald:Gerry Stanley:Stan Stuart:Stu Ernest:Ernie
Eugene:Gene Dominic:Dom Maximilian:Max Oliver:Ollie Sebastian:Seb Callum: Rory: Seán: José:Pepe André: Björn:
Søren: Mateo: Diego: Rafael:Rafa Arjun: Rohan: Omar: Hassan: Kenji: Wei: Kwame: Tendai: Hugo: Felix: Oscar:
Miles: Jasper: Silas: Bartholomew:Bart Clifford:Cliff Desmond:Des Geoffrey:Geoff Reginald:Reg Roderick:Rod
Rupert: Tobias:Toby Abraham:Abe Barnaby:Barney Cornelius:Neil Isaac:Ike Moses: Solomon:Sol Terence:Terry
Wilfred:Wilf
""")

SURNAMES = _words("""
Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson
Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis Robinson
Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell
Mitchell Carter Roberts Gomez Phillips Evans Turner Diaz Parker Cruz Edwards Collins Reyes Stewart Morris
Morales Murphy Cook Rogers Gutierrez Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward
Richardson Watson Brooks Chavez Wood Bennett Gray Mendoza Ruiz Hughes Price Alvarez Castillo Sanders Patel Myers
Long Ross Foster Jimenez Powell Jenkins Perry Russell Sullivan Bell Coleman Butler Henderson Barnes Fisher
Vasquez Simmons Graham Murray Ford Castro Marshall Owens Harrison Fernandez McDonald Woods Washington Kennedy
Wells Vargas Freeman Webb Tucker Guzman Burns Crawford Olson Simpson Porter Hunter Gordon Mendez Silva Shaw
Snyder Mason Dixon Muñoz Hunt Hicks Holmes Palmer Wagner Black Robertson Boyd Stone Salazar Fox Warren Mills
Meyer Rice Schmidt Garza Daniels Ferguson Nichols Stephens Soto Weaver Ryan Gardner Payne Grant Dunn Kelley
Spencer Hawkins Arnold Pierce Hansen Peters Santos Hart Bradley Knight Elliott Cunningham Duncan Armstrong
Hudson Carroll Lane Riley Andrews Alvarado Ray Delgado Berry Perkins Hoffman Johnston Matthews Peña Richards
Contreras Willis Carpenter Lawrence Sandoval Guerrero George Chapman Rios Estrada Ortega Watkins Greene Nuñez
Wheeler Valdez Harper Burke Larson Santiago Maldonado Morrison Franklin Carlson Austin Dominguez Carr Lawson
Jacobs O'Brien Lynch Singh Vega Bishop Montgomery Oliver Jensen Harvey Williamson Gilbert Dean Sims Espinoza
Howell Li Wong Reid Hanson Le McCoy Garrett Burton Fuller Wang Weber Welch Rojas Lucas Marquez Fields Park Yang
Little Banks Padilla Day Walsh Bowman Schultz Luna Fowler Mejia Müller Schäfer O'Connor O'Neill MacLeod
Fitzgerald Ó_Dubhghaill D'Angelo Françoise Björk Østergaard Lindqvist Kowalski Novak Petrov Ivanova Okafor
Adeyemi Mensah Dlamini Banerjee Chakraborty Iyer Khan Hussain Ali Ahmed Tanaka Suzuki Sato Chen Zhang Liu
Ashworth Blackwood Cartwright Drummond Eastwood Fairfax Galbraith Hathaway Ingram Jarvis Kirkpatrick Langley
Merriweather Northcott Osborne Pemberton Quigley Radcliffe Sinclair Thackeray Underhill Vaughan Whitaker Yardley
Abernathy Beaumont Colquhoun Delacroix Ellsworth Featherstone Goldsmith Holloway
""")

# city, state or county, country, postal prefix, clock offset in winter (hours)
CITIES = [
    ("Portland", "ME", "US", "0410", -5),
    ("Boston", "MA", "US", "0211", -5),
    ("Brooklyn", "NY", "US", "1120", -5),
    ("Philadelphia", "PA", "US", "1910", -5),
    ("Baltimore", "MD", "US", "2120", -5),
    ("Chicago", "IL", "US", "6060", -6),
    ("Minneapolis", "MN", "US", "5540", -6),
    ("Austin", "TX", "US", "7870", -6),
    ("Denver", "CO", "US", "8020", -7),
    ("Seattle", "WA", "US", "9810", -8),
    ("Portland", "OR", "US", "9720", -8),
    ("San Francisco", "CA", "US", "9410", -8),
    ("Toronto", "ON", "CA", "M5V ", -5),
    ("Vancouver", "BC", "CA", "V6B ", -8),
    ("London", "", "GB", "SE1 ", 0),
    ("Manchester", "", "GB", "M4 ", 0),
    ("Edinburgh", "", "GB", "EH6 ", 0),
    ("Bristol", "", "GB", "BS1 ", 0),
]
CITY_WEIGHTS = [9, 10, 12, 7, 5, 9, 5, 6, 5, 9, 6, 8, 4, 2, 9, 4, 3, 2]
STREETS = _words("""
Harbor Pine Mill Church Station High Market Chapel Orchard River Lake Cedar Maple Elm Oak Willow Juniper Foundry
Wharf Lighthouse Quarry Meadow Prospect Union Franklin Lincoln Victoria Albert Canal Bridge Garden Spring Sunset
Highland Fairview Ashgrove Beacon Commercial Congress Exchange
""")
STREET_KINDS = {
    "US": ["St", "Ave", "Rd", "Ln"],
    "CA": ["St", "Ave", "Rd"],
    "GB": ["Street", "Road", "Lane", "Terrace"],
}
DOMAINS = [
    "mail.example",
    "post.example",
    "inbox.example",
    "example.com",
    "example.org",
    "example.net",
]
DOMAIN_WEIGHTS = [34, 22, 16, 14, 8, 6]

# the ranges that regulators keep for fiction: US and Canada NXX-555-01xx, United Kingdom +44 xxx
# 496 0xxx and alike
AREA_CODES = _words("""
201 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240 248 251 252 253
254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318 319 320 321
323 325 330 334 336 337 339 347 351 352 360 361 386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 419
423 424 425 430 432 434 435 440 443 469 478 479 480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517
518 520 530 540 541 551 559 561 562 563 567 570 571 573 574 580 585 586 601 602 603 605 606 607 608 609 610 612
614 615 616 617 618 619 620 623 626 630 631 636 641 646 650 651 660 661 662 678 682 701 702 703 704 706 707 708
712 713 714 715 716 717 718 719 720 724 727 731 732 734 740 754 757 760 763 765 770 772 773 774 775 781 785 786
801 802 803 804 805 806 808 810 812 813 814 815 816 817 818 828 830 831 832 843 845 847 848 850 856 857 858 859
860 862 863 864 865 870 878 901 903 904 906 907 908 909 910 912 913 914 915 916 917 918 919 920 925 928 931 936
937 940 941 947 949 951 952 954 956 970 971 972 973 978 979 980 985 989
""")
CANADA_CODES = ["416", "647", "604", "778", "514", "613", "403", "780"]
UK_RANGES = [
    "2079460",
    "1614960",
    "1314960",
    "1214960",
    "1134960",
    "1174960",
    "1144960",
    "1414960",
    "1514960",
]

# sku, name, category, price in cents, how popular
PRODUCTS = [
    ("HP-BN-01", "Breakwater Blend 12oz", "beans", 1700, 22),
    ("HP-BN-02", "Fogbell Espresso 12oz", "beans", 1850, 18),
    ("HP-BN-03", "Pinecone Decaf 12oz", "beans", 1800, 9),
    ("HP-BN-04", "Ethiopia Guji Natural 12oz", "beans", 2200, 10),
    ("HP-BN-05", "Colombia Huila 12oz", "beans", 1950, 11),
    ("HP-BN-06", "Sumatra Gayo 12oz", "beans", 1900, 7),
    ("HP-BN-07", "Breakwater Blend 2lb", "beans", 3900, 8),
    ("HP-BN-08", "Fogbell Espresso 2lb", "beans", 4200, 6),
    ("HP-BN-09", "Winter Lantern Blend 12oz", "beans", 2000, 6),
    ("HP-TE-01", "Harbor Breakfast Tea", "tea", 1200, 6),
    ("HP-TE-02", "Spruce Tip Herbal", "tea", 1300, 4),
    ("HP-TE-03", "Chai Concentrate", "tea", 1500, 5),
    ("HP-EQ-01", "Pour-over Dripper", "equipment", 2800, 5),
    ("HP-EQ-02", "Paper Filters 100", "equipment", 800, 12),
    ("HP-EQ-03", "Hand Grinder", "equipment", 8900, 3),
    ("HP-EQ-04", "Gooseneck Kettle", "equipment", 9500, 2),
    ("HP-EQ-05", "Burr Grinder", "equipment", 19900, 1),
    ("HP-EQ-06", "Espresso Machine Tern", "equipment", 64900, 0.4),
    ("HP-EQ-07", "French Press", "equipment", 3600, 3),
    ("HP-GF-01", "Stoneware Mug", "gifts", 2200, 5),
    ("HP-GF-02", "Enamel Camp Mug", "gifts", 1600, 4),
    ("HP-GF-03", "Tasting Flight Box", "gifts", 4800, 4),
    ("HP-GF-04", "Gift Card 25", "gifts", 2500, 3),
    ("HP-GF-05", "Maple Shortbread", "gifts", 950, 6),
]

# plan id, name, interval, cents, how popular
PLANS = [
    ("plan_taster_monthly", "Taster", "month", 1900, 45),
    ("plan_daily_monthly", "Daily Cup", "month", 3400, 35),
    ("plan_roaster_monthly", "Roaster's Choice", "month", 4900, 14),
    ("plan_daily_annual", "Daily Cup Annual", "year", 34000, 6),
    ("plan_tasting_free", "Tasting Notes", "month", 0, 0),
]
FREE_PLAN = 4

DISCOUNTS = ["", "WELCOME10", "PINE5", "GIFT15"]
CAMPAIGNS = [
    ("", ""),
    ("google", "cpc"),
    ("newsletter", "email"),
    ("instagram", "paid_social"),
    ("partner", "affiliate"),
]

TICKET_TOPICS = {
    "late": [
        "Where is my parcel?",
        "Order has not arrived",
        "Delivery is late again",
        "Tracking has not moved for days",
    ],
    "payment": ["Card was declined", "Charged twice?", "Payment failed on my subscription"],
    "product": [
        "Bag was torn on arrival",
        "Grinder makes a loud noise",
        "Wrong grind size",
        "Beans taste stale",
    ],
    "account": [
        "How do I pause my subscription?",
        "Change delivery address",
        "Cannot log in",
        "Change my plan",
    ],
}

NPS_COMMENTS = {
    "late": [
        "Delivery took far too long.",
        "Second late parcel, I ran out of coffee.",
        "Great beans, slow shipping.",
    ],
    "unresolved": [
        "Support never got back to me.",
        "Still waiting for an answer to my ticket.",
        "Support is slow.",
    ],
    "feature": [
        "The brew timer is brilliant.",
        "Love the recipes in the app!",
        "The app makes my mornings.",
    ],
    "good": [
        "Best coffee I have had by post.",
        "Always fresh.",
        "Lovely people, lovely beans.",
        "Keep it up!",
    ],
    "flat": ["It is fine.", "A little expensive.", "Good coffee, nothing special.", "Okay."],
}

# the till in Germany: what its words are for the states of an order
TILL_WORDS = {
    "open": "Offen",
    "paid": "Bezahlt",
    "shipped": "Versendet",
    "delivered": "Zugestellt",
    "cancelled": "Storniert",
    "partly_refunded": "Teilweise erstattet",
    "refunded": "Erstattet",
    "credit_note": "Gutschrift",
    "test": "Testbestellung",
    "unclear": "Klärfall",
}
COMPANY_KINDS = [
    ("Coffee House", "Restaurants"),
    ("Café", "Restaurants"),
    ("Bakery", "Food & Beverages"),
    ("Books", "Retail"),
    ("Architects", "Architecture & Planning"),
    ("Law Office", "Law Practice"),
    ("Design Studio", "Design"),
    ("Dental", "Medical Practice"),
]
