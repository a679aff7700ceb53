"""Words of the generated register: given names with their period short forms, places, callings.

Written for the register alone, so that no resolver's own list of short names is the test's list.
"""

from __future__ import annotations

# Most frequent first; after the colon how clerks and friends shorten it.
MALE = """
john:jno,jack,johnny william:wm,will,bill,billy thomas:thos,tom,tommy james:jas,jim,jamie
george:geo,georgie
robert:robt,rob,bob charles:chas,charlie henry:hy,harry,hal richard:richd,dick,rich
edward:edw,ned,ted
joseph:jos,joe samuel:saml,sam david:davy,dave alexander:alexr,alec,sandy francis:fras,frank
peter:pete
daniel:danl,dan arthur:art,arth walter:wat,walt philip:phil,pip andrew:andw,andy benjamin:benj,ben
frederick:fredk,fred michael:michl,mick,mike patrick:patk,paddy hugh:hughie albert:bert,albt
alfred:alf,alfd
nicholas:nichs,nick matthew:matt,matw stephen:steph,steve simon:sim edmund:edmd,ned
anthony:anty,tony
christopher:chr,kit,chris ralph:rafe isaac:ike abraham:abm,abe jonathan:jonn,jon nathaniel:nathl,nat
martin:mart
ernest:ern,ernie harold:harry herbert:herbt,bert lawrence:lawr,larry timothy:timy,tim tobias:toby
roger:rog
laurence:larry gilbert:gilb,gil leonard:len,leo humphrey:humph rowland:rowl jeremiah:jerh,jerry
joshua:josh
archibald:archd,archie donald:don duncan:dunc kenneth:ken neil: malcolm: ronald:ron stanley:stan
sidney:sid
reginald:reg percy: cecil: clement:clem cuthbert: ambrose: augustus:gus barnaby:barney
bartholomew:bart basil:
bernard:bern bertram:bertie conrad: cornelius:corn cyril: denis:den dudley: ebenezer:eben eric:
eustace: evan:
ferdinand:ferd fitzroy: gabriel:gabe geoffrey:geoff gerald:ger godfrey: gregory:greg griffith: guy:
hector:
horace: horatio: hubert: ivor: jasper: job: julian: lancelot: leopold: lewis:lew lionel: llewellyn:
louis:lou
luke: marmaduke:duke maurice: miles: montague:monty mortimer: nigel: noel: norman: oliver:noll
oscar: oswald:
owen: paul: percival: ralphe: randolph: raymond:ray rupert: septimus: silas: solomon:sol
theodore:theo valentine:val
victor:vic vincent:vin wilfred:wilf zachary:zach
"""
FEMALE = """
mary:polly,molly,may elizabeth:eliza,betty,bess,lizzie,eliz ann:nancy,annie,nan jane:jenny,janie
sarah:sally,sadie
margaret:margt,peggy,meg,maggie anne:annie,nan catherine:cath,kate,kitty alice:ally ellen:nell,nelly
martha:matty,patty susan:sue,susy hannah:anna,nan dorothy:dolly,dot isabella:bella,isa
frances:fanny,fran
charlotte:lottie,charl emily:em,emmy emma:em louisa:lou caroline:carrie,caro harriet:hatty,hart
florence:flo,florrie
edith:edie helen:nell,nellie katherine:kate,kathy,kit eleanor:nell,elea lucy:luce agnes:aggie
barbara:babs
rebecca:becca,becky rachel:rae judith:judy joan:joanie grace:gracie amelia:milly,amy anna:annie
maria:mia julia:jule
lydia:liddy matilda:tilly,maud rose:rosie ethel:eth mabel:mab gertrude:gertie constance:connie
victoria:vicky
adelaide:addie augusta:gussie beatrice:bea,trixie bridget:biddy cecilia:cis,cissy christina:tina
clara: cordelia:
deborah:deb diana:di esther:essie evelyn:evie georgina:georgie gwendolen:gwen henrietta:hetty,etta
honor: ida:
irene:rene janet:jess jessie: josephine:jo laura: lavinia: leonora:nora lilian:lily mildred:milly
miriam: muriel:
nancy: olive: olivia: patience: penelope:pen philippa:pippa phoebe: phyllis:phyl priscilla:cilla
prudence:prue rosamund:
ruth: sophia:sophie,sophy sybil:syb theodora:dora theresa:tess ursula: violet:vi winifred:winnie
"""
# town, county, letters of its postcodes
PLACES = """
london,middlesex,n;london,middlesex,e;london,surrey,se;london,middlesex,w;edinburgh,midlothian,eh
glasgow,lanarkshire,g
dublin,leinster,d;bristol,gloucestershire,bs;bath,somerset,ba;exeter,devon,ex;plymouth,devon,pl
chudleigh,devon,tq
barnstaple,devon,ex;truro,cornwall,tr;penzance,cornwall,tr;dorchester,dorset,dt;poole,dorset,bh
salisbury,wiltshire,sp
winchester,hampshire,so;southampton,hampshire,so;portsmouth,hampshire,po;chichester,sussex,po
brighton,sussex,bn
lewes,sussex,bn;hastings,sussex,tn;canterbury,kent,ct;dover,kent,ct;maidstone,kent,me
rochester,kent,me
guildford,surrey,gu;reading,berkshire,rg;windsor,berkshire,sl;oxford,oxfordshire,ox
banbury,oxfordshire,ox
aylesbury,buckinghamshire,hp;hertford,hertfordshire,sg;colchester,essex,co;chelmsford,essex,cm
ipswich,suffolk,ip
bury st edmunds,suffolk,ip;norwich,norfolk,nr;king's lynn,norfolk,pe;cambridge,cambridgeshire,cb
ely,cambridgeshire,cb
huntingdon,huntingdonshire,pe;bedford,bedfordshire,mk;northampton,northamptonshire,nn
leicester,leicestershire,le
nottingham,nottinghamshire,ng;newark,nottinghamshire,ng;lincoln,lincolnshire,ln
boston,lincolnshire,pe
derby,derbyshire,de;stafford,staffordshire,st;lichfield,staffordshire,ws;birmingham,warwickshire,b
coventry,warwickshire,cv
warwick,warwickshire,cv;worcester,worcestershire,wr;kidderminster,worcestershire,dy
hereford,herefordshire,hr
gloucester,gloucestershire,gl;cheltenham,gloucestershire,gl;shrewsbury,shropshire,sy
ludlow,shropshire,sy;chester,cheshire,ch
stockport,cheshire,sk;manchester,lancashire,m;liverpool,lancashire,l;preston,lancashire,pr
lancaster,lancashire,la
bolton,lancashire,bl;kendal,westmorland,la;carlisle,cumberland,ca;york,yorkshire,yo
leeds,yorkshire,ls;hull,yorkshire,hu
sheffield,yorkshire,s;bradford,yorkshire,bd;halifax,yorkshire,hx;whitby,yorkshire,yo
scarborough,yorkshire,yo
durham,county durham,dh;darlington,county durham,dl;newcastle,northumberland,ne
berwick,northumberland,td
cardiff,glamorgan,cf;swansea,glamorgan,sa;carmarthen,carmarthenshire,sa;bangor,caernarfonshire,ll
wrexham,denbighshire,ll
monmouth,monmouthshire,np;aberystwyth,cardiganshire,sy;aberdeen,aberdeenshire,ab;dundee,angus,dd
perth,perthshire,ph
inverness,inverness-shire,iv;stirling,stirlingshire,fk;ayr,ayrshire,ka;dumfries,dumfriesshire,dg
paisley,renfrewshire,pa
st andrews,fife,ky;kirkcaldy,fife,ky;belfast,antrim,bt;derry,londonderry,bt;armagh,armagh,bt
cork,munster,t
limerick,munster,v;galway,connacht,h;kilkenny,leinster,r;waterford,munster,x
"""
CALLINGS = """
politician writer painter lawyer clergyman military_officer naval_officer poet actor physician
merchant architect
composer botanist footballer cricketer judge diplomat engineer historian engraver printer journalist
scientist teacher
banker playwright explorer philosopher mathematician astronomer geologist surgeon sculptor
photographer singer
translator landowner economist novelist priest bishop chemist musician rower athlete rugby_player
illustrator
entomologist antiquarian publisher theologian missionary civil_servant aristocrat suffragette
pianist organist
"""
FRONTS = """
ash black cart east fair gal hath ing kirk lang merri north os pember quig rad sin thack under whit
yard abern beau col
ells feather gold hollo brad bur car chat clif cran dal den dray eller fern grim har hay hol hunt
ken kil lil lock mal
mar mil nor oak pen pick red ridg row shel sher som stan stock sut thorn til wake wal ward wat wes
wil win wood worth
"""
ENDS = """
worth wood field ford ton ley man by ham bury stone more way ridge well combe cote hurst burn shaw
thorpe croft den gate
holm house land low mere mont royd side sley stead wick
"""
RANKS = "baron viscount earl marquess duke baronet"
