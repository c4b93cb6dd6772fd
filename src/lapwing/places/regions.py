"""Names of countries and regions as people write them, where GeoNames' list of countries does not have them."""

from __future__ import annotations

COUNTRY_ALIASES: dict[str, tuple[str, ...]] = {
    "AE": ("UAE", "Emirates", "الإمارات"),
    "AR": ("Argentine", "Argentinien", "アルゼンチン"),
    "AT": ("Österreich", "Autriche"),
    "AU": ("Australie", "Australien", "オーストラリア", "ออสเตรเลีย", "Straya"),
    "BE": ("België", "Belgique", "Belgien"),
    "BR": ("Brasil", "Brésil", "Brasilien", "ブラジル", "巴西"),
    "CA": ("Kanada", "カナダ", "加拿大"),
    "BH": ("البحرين",),
    "CH": ("Schweiz", "Suisse", "Svizzera"),
    "CN": ("中国", "中國", "จีน", "الصين", "Chine"),
    "CZ": ("Czech Republic", "Czechia", "Česko"),
    "DE": ("Deutschland", "Allemagne", "Alemania", "Alemanha", "Almanya", "Jerman", "ドイツ", "德国"),
    "DK": ("Danmark",),
    "EG": ("مصر", "Égypte", "Egipto"),
    "ES": ("España", "Espagne", "Spanien", "Espanha", "İspanya"),
    "FI": ("Suomi",),
    "FR": ("Frankreich", "Francia", "França", "Fransa", "Prancis", "フランス", "法国", "ฝรั่งเศส"),
    "GB": ("UK", "U.K.", "Great Britain", "Britain", "England", "Scotland", "Wales", "Northern Ireland", "Royaume-Uni",
           "Reino Unido", "Inglaterra", "Großbritannien", "イギリス", "英国", "İngiltere", "Inggris", "بريطانيا"),
    "GR": ("Ελλάδα", "Hellas"),
    "HK": ("香港",),
    "ID": ("インドネシア", "Indonésie", "Indonesien", "อินโดนีเซีย", "印尼"),
    "IE": ("Éire", "Republic of Ireland"),
    "IL": ("ישראל", "إسرائيل"),
    "IN": ("भारत", "Bharat", "インド", "印度", "อินเดีย"),
    "IQ": ("العراق", "Irak"),
    "IR": ("ایران", "إيران"),
    "IT": ("Italia", "Italie", "Italien", "Itália", "İtalya", "イタリア", "意大利"),
    "JP": ("日本", "Japon", "Japón", "Japão", "Giappone", "Nippon", "Jepang", "Япония", "اليابان", "ญี่ปุ่น", "일본", "जापान"),
    "KR": ("South Korea", "Korea", "대한민국", "한국", "韓国", "韩国", "เกาหลี", "Corea", "Coreia"),
    "JO": ("الأردن",),
    "KW": ("الكويت", "دولة الكويت"),
    "LB": ("لبنان", "Liban"),
    "MA": ("المغرب", "Maroc", "Marruecos"),
    "MM": ("Burma", "မြန်မာ"),
    "MX": ("México", "Méjico", "Mexique", "Mexiko", "メキシコ"),
    "MY": ("Malaisie", "มาเลเซีย", "马来西亚", "マレーシア"),
    "NL": ("Netherlands", "The Netherlands", "Holland", "Nederland", "Pays-Bas", "Hollanda"),
    "NO": ("Norge",),
    "NZ": ("Aotearoa", "ニュージーランド"),
    "OM": ("عمان", "سلطنة عمان"),
    "PH": ("Pilipinas", "フィリピン", "Filipinas"),
    "PK": ("پاکستان",),
    "PL": ("Polska", "Pologne"),
    "PS": ("Palestine", "فلسطين", "Gaza Strip"),
    "PT": ("ポルトガル",),
    "QA": ("قطر",),
    "RU": ("Россия", "Россию", "России", "Russie", "Russland", "ロシア", "俄罗斯", "Rusia"),
    "SA": ("السعودية", "KSA", "Saudi"),
    "SE": ("Sverige",),
    "SG": ("新加坡", "シンガポール"),
    "SY": ("سوريا", "Syrie", "Suriye"),
    "TH": ("ประเทศไทย", "เมืองไทย", "Thaïlande", "タイランド", "泰国"),
    "TR": ("Türkiye", "Turquie", "Türkei", "トルコ", "تركيا"),
    "TW": ("台湾", "台灣", "臺灣"),
    "UA": ("Україна", "Украина", "Украине"),
    "US": ("USA", "U.S.A.", "America", "United States of America", "Estados Unidos", "États-Unis", "アメリカ", "美国", "EEUU", "EUA"),
    "YE": ("اليمن",),
    "VN": ("Việt Nam", "ベトナム", "越南", "เวียดนาม"),
    "ZA": ("Afrique du Sud", "Südafrika"),
}  # fmt: skip

REGIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "AU": {
        "01": ("Australian Capital Territory", "ACT"), "02": ("New South Wales", "NSW"), "03": ("Northern Territory", "NT"),
        "04": ("Queensland", "QLD"), "05": ("South Australia", "SA"), "06": ("Tasmania", "TAS"), "07": ("Victoria", "VIC"),
        "08": ("Western Australia", "WA"),
    },
    "BR": {
        "02": ("Alagoas",), "04": ("Amazonas",), "05": ("Bahia", "BA"), "06": ("Ceará", "CE"), "07": ("Distrito Federal", "DF"),
        "08": ("Espírito Santo", "ES"), "13": ("Maranhão",), "15": ("Minas Gerais", "MG"), "17": ("Paraíba",),
        "18": ("Paraná", "PR"), "20": ("Piauí",), "21": ("RJ",), "22": ("Rio Grande do Norte", "RN"),
        "23": ("Rio Grande do Sul", "RS"), "24": ("Rondônia",), "26": ("Santa Catarina", "SC"), "27": ("SP",),
        "29": ("Goiás", "GO"), "30": ("Pernambuco", "PE"),
    },
    "CA": {
        "01": ("Alberta", "AB"), "02": ("British Columbia", "BC"), "03": ("Manitoba", "MB"), "04": ("New Brunswick", "NB"),
        "05": ("Newfoundland", "NL"), "07": ("Nova Scotia", "NS"), "08": ("Ontario", "ON", "Ont"),
        "09": ("Prince Edward Island", "PEI"), "10": ("Québec", "QC"), "11": ("Saskatchewan", "SK"), "12": ("Yukon", "YT"),
    },
    "GB": {
        "ENG": ("England",), "SCT": ("Scotland",), "WLS": ("Wales", "Cymru"), "NIR": ("Northern Ireland",),
    },
}  # fmt: skip
"""By country and GeoNames' admin1 code: a name, and the abbreviations that may stand behind a city. GB's and AU's are
complete; Brazil's are those with large cities. The states of the USA come with GeoNames."""

PARTS: dict[str, tuple[str, ...]] = {
    "DE": ("Bayern", "Hessen", "Sachsen", "Niedersachsen", "Nordrhein-Westfalen", "NRW", "Baden-Württemberg", "Bavaria"),
    "ES": ("Cataluña", "Catalunya", "Andalucía", "Galicia", "Comunidad Valenciana", "País Vasco", "Euskadi"),
    "FR": ("Bretagne", "Normandie", "Occitanie", "Nouvelle-Aquitaine", "Île-de-France", "Provence"),
    "ID": ("Bali", "Jawa Barat", "Jawa Timur", "Jawa Tengah", "West Java", "East Java", "Central Java", "Jawa", "Sumatra",
           "Sumatera Utara", "Aceh", "Sulawesi", "Kalimantan", "Lombok"),
    "IN": ("Kerala", "Punjab", "Gujarat", "Maharashtra", "Tamil Nadu", "Karnataka", "Bihar", "Assam", "Rajasthan", "Odisha",
           "Uttar Pradesh", "Madhya Pradesh", "Andhra Pradesh", "Telangana", "West Bengal", "Kashmir"),
    "IT": ("Toscana", "Sicilia", "Sardegna", "Lombardia", "Piemonte", "Puglia", "Calabria", "Veneto", "Emilia-Romagna"),
    "JP": ("北海道", "Hokkaido", "沖縄", "Okinawa", "九州", "四国", "東北地方", "能登"),
    "MX": ("Jalisco", "Nuevo León", "Estado de México", "Yucatán", "Chiapas", "Oaxaca", "Michoacán", "Baja California"),
    "PH": ("Mindanao", "Luzon", "Leyte", "Bulacan", "Cavite", "Batangas"),
    "US": ("Long Island", "New England", "Southern California", "NorCal", "SoCal"),
    "VE": ("Zulia", "Edo. Miranda"),
}  # fmt: skip
"""Parts of countries, of which only the country is used."""

STATE_ABBREVIATIONS_LONG = {
    "CA": ("Calif", "Cali"), "MA": ("Mass",), "TX": ("Tex",), "FL": ("Fla",), "PA": ("Penn",), "WA": ("Wash",), "CO": ("Colo",),
}  # fmt: skip

NICKNAMES: dict[int, tuple[str, ...]] = {
    5128581: ("NYC", "New York"), 5368361: ("LA", "L.A."), 5391959: ("SF",), 4140963: ("Washington DC", "DC", "D.C."),
    3530597: ("CDMX",), 1735161: ("KL",), 1819729: ("HK",), 3451190: ("Rio",), 1609350: ("BKK",), 2988507: ("Parigi",),
    1642911: ("JKT", "DKI Jakarta"), 1275339: ("Bombay",), 1850147: ("東京",), 1853909: ("大阪",), 4887398: ("Chi-Town",),
    3117735: ("Madriz",), 4726206: ("San Antonio",), 745044: ("Constantinople", "İstanbul"), 360630: ("القاهرة",),
}  # fmt: skip
"""By GeoNames id: short and former names that GeoNames lacks, or has only among codes."""
