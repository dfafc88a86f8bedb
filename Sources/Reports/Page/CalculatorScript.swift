/// Cost before and after, from what the fields say. The same figures stand in the page already, for browsers without scripts.
enum CalculatorScript {
    static let text = """
        (function(){
        var ids=["price","tokens","dense","ratio","once"],by=function(id){return document.getElementById(id)};
        if(!by("price"))return;
        function value(id){var x=parseFloat(by(id).value);return x>=0?x:NaN}
        function money(x){if(!isFinite(x))return "–";var d=Math.abs(x)<100?2:0;
        return x.toLocaleString("en-US",{minimumFractionDigits:d,maximumFractionDigits:d}).replace("-","−")}
        function put(id,text){by(id).textContent=text}
        function show(){var before=value("tokens")/(value("dense")*3600)*value("price"),after=before/value("ratio"),
        saved=before-after,days=Math.ceil(value("once")/saved);
        put("before",money(before));put("after",money(after));put("saved",money(saved*365));
        put("payback",value("once")>0?(saved>0&&isFinite(days)?days.toLocaleString("en-US")+" days":"never"):"at once")}
        ids.forEach(function(id){by(id).addEventListener("input",show)});
        var run=by("run");if(run)run.addEventListener("change",function(){var o=run.options[run.selectedIndex];
        by("dense").value=o.getAttribute("data-dense");by("ratio").value=o.getAttribute("data-ratio");show()});
        show()})();
        """
}
